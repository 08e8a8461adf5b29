"""A build from its plan to the manifest of its bundle."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dz.adapters.archive import extract
from dz.adapters.interpreters import Interpreter
from dz.errors import MissingEnvironment
from dz.tasklib.bundles import build
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import zoombuild
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import inspect
from dz.tasklib.verification.verification import Verification
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv
from tests import PROJECTS
from tests.manifests import PLAN

PYTHON = Interpreter((3, 11, 2), Path("/usr/bin/python3.11"))


def checkout(name: str, commit: str = "0" * 40) -> Checkout:
    return Checkout(PROJECTS / name, "https://example.org/site.git", None, commit, "x", "p00000001")


def plan(name: str, *variables: str, attached: str | None = None) -> Plan:
    found = checkout(name)
    made = build.plan(inspect(found.path), found, attached=attached, stored=None, variables=variables)
    build.refuse_missing(made, variables)
    return made


def test_a_build_without_a_variable_that_the_settings_need_names_all_that_are_missing() -> None:
    with pytest.raises(MissingEnvironment) as raised:
        plan("needs_variables")
    assert raised.value.found == (
        "The settings site1.settings need environment variables that are not set: PAGE_LENGTH, PAYMENT_TOKEN."
    )
    assert raised.value.remedy == "Set them: dz deploy PROJECT --set PAGE_LENGTH=VALUE --set PAYMENT_TOKEN=VALUE"


def test_a_variable_of_the_owner_of_the_platform_or_of_the_configuration_is_not_missing() -> None:
    assert plan("needs_variables", "PAGE_LENGTH", "PAYMENT_TOKEN").required_variables
    assert plan("uv_pyproject").required_variables == ("SECRET_KEY",), "the platform sets it"
    attached = "[project]\nenvironment =\n    PAGE_LENGTH=3\n    PAYMENT_TOKEN=x\n"
    assert plan("needs_variables", attached=attached).build_variables


def test_builds_are_equal_only_if_commit_plan_and_virtualenv_are() -> None:
    def key(commit: str = "a", plan: Plan = PLAN, virtualenv: str = "v") -> str:
        made = Virtualenv(Path("/envs") / virtualenv, virtualenv, PYTHON, ())
        return build.build_key(plan, checkout("sqlite_single", commit), made)

    assert key() == key()
    others = [key(commit="b"), key(plan=replace(PLAN, processes=3)), key(virtualenv="w")]
    assert len({key(), *others}) == 4


def test_what_builds_have_left_is_removed_and_only_the_newest_checkout_stays(tmp_path: Path) -> None:
    work, checkouts = tmp_path / "work", tmp_path / "checkouts"
    newest = replace(checkout("sqlite_single"), commit="b" * 40)
    for left in ("verify-1/out", "code-2/code", "kept"):
        (work / left).mkdir(parents=True)
    for commit in ("a" * 40, newest.commit):
        (checkouts / newest.sysid / commit).mkdir(parents=True)

    build.clean_up(work, newest, checkouts_folder=checkouts)

    assert [path.name for path in work.iterdir()] == ["kept"]
    assert [path.name for path in (checkouts / newest.sysid).iterdir() if path.is_dir()] == [newest.commit]


@pytest.fixture
def site(tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    shutil.copytree(PROJECTS / "sqlite_single", root)
    (root / "file").symlink_to("manage.py")
    (root / "folder").symlink_to("mysite")
    return replace(checkout("sqlite_single"), path=root)


def archive(site: Checkout, tmp_path: Path, plan: Plan = PLAN, **facts: Any) -> Manifest:
    (tmp_path / "env" / "bin").mkdir(parents=True, exist_ok=True)
    (tmp_path / "env" / "bin" / "gunicorn").write_text("#!\n")
    (tmp_path / "static" / "static").mkdir(parents=True, exist_ok=True)
    (tmp_path / "static" / "static" / "staticfiles.json").write_text('{"paths": {}}')
    known: dict[str, Any] = {
        "static_dir": tmp_path / "static",
        "static_url": "/s/",
        "media_url": None,
        "static_map": (("/s/", "static"),),
        "django_version": "5.2.19",
        "warnings": (),
        "manifests": {"staticfiles.json": (tmp_path / "static" / "static" / "staticfiles.json").read_bytes()},
        "shim_variables": {"DZ_STATIC_URL": "/s/"},
        "schema": "d1",
    }
    return build.archive(
        plan,
        site,
        Virtualenv(tmp_path / "env", "k1", PYTHON, ("django",)),
        Verification(**{**known, **facts}),
        work=tmp_path / "work",
        layers_folder=tmp_path / "layers",
    )


def test_a_bundle_holds_the_repository_the_platforms_files_and_what_was_confirmed(
    site: Checkout, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in site.path.rglob("*")}
    manifest = archive(site, tmp_path)
    assert [layer.kind for layer in manifest.layers] == ["environment", "code", "static"]
    code = tmp_path / "code"
    extract(
        tmp_path / "layers" / f"{manifest.required('code').sha256}.tar.zst",
        code,
        owner=None,
        max_bytes=10**7,
        max_members=1000,
    )
    assert (code / "src" / "manage.py").read_text() == (site.path / "manage.py").read_text()
    assert (code / "src" / "file").is_symlink()
    assert (code / "src" / "folder").is_symlink()
    assert zoombuild.parse((code / "dz" / "zoombuild.cfg").read_text()).values["title"] == PLAN.title
    assert json.loads((code / "dz" / "verified.json").read_text()) == {"environment": {"DZ_STATIC_URL": "/s/"}}
    assert json.loads((code / "dz" / "static" / "staticfiles.json").read_text()) == {"paths": {}}
    assert Plan.from_json(json.loads((code / "dz" / "plan.json").read_text())) == PLAN
    assert {path: path.stat().st_mtime_ns for path in site.path.rglob("*")} == before
    assert list((tmp_path / "work").iterdir()) == []


def test_the_manifest_says_what_the_build_was_made_of(site: Checkout, tmp_path: Path) -> None:
    manifest = archive(site, tmp_path, database_type="postgresql-gis")
    assert (manifest.sysid, manifest.commit, manifest.virtualenv_key) == ("p00000001", site.commit, "k1")
    assert (manifest.python, manifest.python_full, manifest.django) == ("3.11", "3.11.2", "5.2.19")
    assert (manifest.static_url, manifest.static_map, manifest.paths) == ("/s/", (("/s/", "static"),), ("dz", "src"))
    assert (manifest.schema, manifest.database_type) == ("d1", "postgresql-gis")
    made = Virtualenv(tmp_path / "env", "k1", PYTHON, ("django",))
    assert manifest.build_key == build.build_key(PLAN, site, made)
    assert re.fullmatch(r"bundle_p00000001_\d{8}T\d{9}Z", manifest.name)


@pytest.mark.parametrize(
    ("alike", "changes", "once"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"preload": False}, False),
        (True, {"use_asgi": True}, False),
        (True, {"hooks": ()}, False),
        (True, {"hooks": ("migrate", "loaddata a.json")}, False),
    ],
)
def test_hooks_run_in_what_the_app_instance_has_loaded_only_if_a_load_is_alike_and_migrate_is_all(
    site: Checkout, tmp_path: Path, changes: dict[str, Any], *, alike: bool, once: bool
) -> None:
    assert archive(site, tmp_path, replace(PLAN, **changes), loads_alike=alike).loads_once is once
