import os
import subprocess
from dataclasses import replace

import pytest

from dz.adapters import archive
from dz.adapters.bundle_store import DirectoryBundleStore
from dz.adapters.python_downloads import Pythons
from dz.errors import BundleMissing, BundleRefused, PythonMissing
from dz.tasklib.appservers import install


@pytest.fixture
def instance(site, tmp_path):
    """The app instance on an appserver that has nothing yet."""
    return replace(site.instance, folder=tmp_path / "server")


def test_an_installed_bundle_runs_with_the_interpreter_of_this_server(instance, bundle, python):
    _, store = bundle
    install.install(instance, store=store, pythons=Pythons((python,)))
    words = [instance.virtualenv / "bin" / "python", "-c", "import sys, gunicorn; print(sys.prefix, sys.base_prefix)"]
    prefixes = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    base = subprocess.run([python.path, "-c", "import sys; print(sys.prefix)"], check=True, capture_output=True)
    assert prefixes == [str(instance.virtualenv), base.stdout.decode().strip()]
    assert (instance.bundle / "dz" / "dz_wsgi.py").is_file()
    assert {path.stat().st_uid for path in (instance.bundle, instance.virtualenv)} == {os.geteuid()}


def test_what_is_there_is_not_downloaded_again(instance, bundle, python, tmp_path):
    _, store = bundle
    install.install(instance, store=store, pythons=Pythons((python,)))
    nothing = DirectoryBundleStore(tmp_path / "nothing")
    install.install(instance, store=nothing, pythons=Pythons((python,)))
    with pytest.raises(BundleMissing):
        install.install(replace(instance, folder=tmp_path / "other"), store=nothing, pythons=Pythons((python,)))


def test_an_interpreter_that_was_replaced_is_linked_anew(instance, bundle, python):
    _, store = bundle
    install.install(instance, store=store, pythons=Pythons((python,)))
    moved = replace(python, path=python.path.resolve().with_name("python-elsewhere"))
    install.link_interpreter(instance.virtualenv, moved)
    assert (instance.virtualenv / "bin" / "python").readlink() == moved.path
    assert f"home = {moved.path.parent}\n" in (instance.virtualenv / "pyvenv.cfg").read_text()


def test_a_server_without_the_bundles_python_says_so_before_it_downloads_anything(instance, bundle, python):
    _, store = bundle
    other = replace(python, version=(3, 99, 0))
    with pytest.raises(PythonMissing, match=f"no Python {python.minor}, with which the version was built"):
        install.install(instance, store=store, pythons=Pythons((other,)))
    assert not instance.folder.exists()


def test_a_bundle_without_code_is_refused(instance, bundle, python):
    manifest, store = bundle
    bare = replace(instance, manifest=replace(manifest, layers=manifest.layers[:1]))
    with pytest.raises(BundleRefused):
        install.install(bare, store=store, pythons=Pythons((python,)))


def test_the_collected_files_are_shared_and_linked_where_the_project_expects_them(instance, bundle, python, tmp_path):
    manifest, store = bundle
    collected = tmp_path / "static" / "static"
    collected.mkdir(parents=True)
    (collected / "style.css").write_text("p {}")
    packed = tmp_path / "static.tar.zst"
    layer = archive.pack(collected.parent, packed, kind="static", skip=archive.keep_all)
    store.put_layer(packed, layer)
    changed = replace(
        manifest, layers=(*manifest.layers, layer), static_map=(("/static/", "static"),), static_root="public/files"
    )
    instance = replace(instance, manifest=changed)
    for _ in range(2):
        install.install(instance, store=store, pythons=Pythons((python,)))
    assert instance.static_root == instance.folder / "static" / layer.sha256 / "static"
    assert (instance.static_root / "style.css").read_text() == "p {}"
    # The code has no folder named public, and none is made: only the link itself is ours.
    assert not (instance.bundle / "src" / "public").exists()
    for root, linked in (("files", True), ("shop", False), ("../out", False)):
        install.link_static_root(replace(instance, manifest=replace(changed, static_root=root)))
        assert (instance.bundle / "src" / root).is_symlink() is linked
