"""The manifest of a bundle: stored as JSON whose keys stay, and read even if an earlier release stored it."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.adapters.archive import Layer
from dz.adapters.interpreters import Download
from dz.errors import BundleRefused
from dz.tasklib.bundles.manifest import Manifest
from tests.manifests import MANIFEST, PLAN

LAYERS = (Layer("environment", "e" * 64, 3), Layer("code", "c" * 64, 2), Layer("static", "s" * 64, 1))
EARLY = """{
 "format": 1, "sysid": "p00000001", "name": "bundle_p00000001_20261124T213000123Z", "commit": "c0ffee",
 "python": "3.11", "python_full": "3.11.2", "platform": "linux-x86_64-glibc2.36",
 "layers": [{"kind": "environment", "sha256": "e1", "size": 5}, {"kind": "code", "sha256": "c2", "size": 7}],
 "plan": {
  "title": "Shop", "source_code_url": "https://example.org/shop.git", "project_root": ".",
  "django_settings_module": "shop.settings", "base_python_package": "shop", "wsgi": "shop.wsgi:application",
  "asgi": null, "use_asgi": false, "python_version": null, "python_version_basis": "", "package_manager": "pip",
  "dependency_files": ["requirements.txt"], "site_media_map": [["/art/", "art"]],
  "hooks": ["migrate", "loaddata start.json"]},
 "settings_module": "dz_settings", "wsgi": "shop.wsgi:application", "asgi": null, "use_asgi": false,
 "server": "gunicorn", "django": "5.2.19", "static_url": "/static/",
 "media_url": null, "static_map": [["/static/", "static"]], "environment_key": "k1", "paths": ["dz", "src"],
 "project_root": "."}"""
"""As zoomdb and the bundle store hold it."""
LATER = ("database_type", "static_map", "paths", "schema", "loads_once", "build_key", "python_build", "python_source")
"""Keys that a stored manifest may lack."""
_TEXT = st.text(max_size=20)
_MANIFESTS = st.builds(
    replace,
    st.just(MANIFEST),
    layers=st.lists(st.sampled_from(LAYERS), max_size=3).map(tuple),
    media_url=st.none() | _TEXT,
    static_map=st.lists(st.tuples(_TEXT, _TEXT), max_size=3).map(tuple),
    paths=st.lists(_TEXT, max_size=3).map(tuple),
    loads_once=st.booleans(),
    python_source=st.none()
    | st.just(Download((3, 12, 1), "cpython-3.12.1", "https://example.org/x", "5" * 64, "20260101")),
    **dict.fromkeys(
        ("name", "commit", "python_full", "virtualenv_key", "django", "schema", "build_key", "python_build"), _TEXT
    ),
)


@given(_MANIFESTS)
def test_a_manifest_is_read_as_it_was_stored(manifest: Manifest) -> None:
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_a_manifest_that_an_early_release_stored_is_read() -> None:
    found = Manifest.from_json(json.loads(EARLY))
    assert found.layers == (Layer("environment", "e1", 5), Layer("code", "c2", 7))
    assert (found.sysid, found.name, found.commit) == ("p00000001", "bundle_p00000001_20261124T213000123Z", "c0ffee")
    assert (found.virtualenv_key, found.platform, found.python_full) == ("k1", "linux-x86_64-glibc2.36", "3.11.2")
    assert (found.static_map, found.paths) == ((("/static/", "static"),), ("dz", "src"))
    assert (found.plan.wsgi, found.plan.hooks) == ("shop.wsgi:application", ("migrate", "loaddata start.json"))
    assert found.plan.site_media_map == (("/art/", "art"),)
    assert (found.schema, found.loads_once, found.build_key) == ("", False, ""), "what nobody knew then"
    assert not found.plan.preload, "its project was never tried that way"
    assert (found.plan.worker_class, found.plan.threads) == ("sync", 1), "nor with several threads"
    assert found.database_type == "postgresql", "what the plan says"


def test_keys_that_are_missing_or_of_a_later_release_do_no_harm() -> None:
    stored = {key: value for key, value in MANIFEST.to_json().items() if key not in LATER}
    stored["plan"]["of_a_later_release"] = stored["of_a_later_release"] = ["a"]
    assert Manifest.from_json(stored) == MANIFEST


def test_the_keys_that_are_stored_stay() -> None:
    stored = MANIFEST.to_json()
    named = {field.name for field in fields(Manifest)} - {"virtualenv_key"}
    for_readers = {
        "python_implementation",
        "format",
        "settings_module",
        "wsgi",
        "asgi",
        "use_asgi",
        "server",
        "project_root",
        "environment_key",
    }
    assert stored.keys() == named | for_readers
    assert stored["format"] == 1
    assert (stored["settings_module"], stored["server"]) == ("dz_settings", "gunicorn")
    assert (stored["environment_key"], stored["wsgi"]) == (MANIFEST.virtualenv_key, PLAN.wsgi)


def test_a_layer_is_found_by_its_kind_and_one_that_must_be_there_is_missed_by_the_bundles_name() -> None:
    manifest = replace(MANIFEST, layers=LAYERS[:2])
    assert manifest.required("code") is manifest.layer("code") is LAYERS[1]
    assert manifest.layer("static") is None
    with pytest.raises(BundleRefused, match="Bundle one lists no environment or no code"):
        MANIFEST.required("environment")
