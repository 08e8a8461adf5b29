"""Layers of a build, packed once, uploaded and found again by another server."""

import fcntl
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from dz.adapters.bundle_store import layer_key, manifest_key
from dz.errors import BundleMissing
from dz.tasklib.bundles import packing
from dz.tasklib.bundles.layers import ensure
from dz.tasklib.bundles.manifest import Manifest
from tests.manifests import MANIFEST


@pytest.fixture
def built(tmp_path):
    """The folders of a build: environment, code, static."""
    for name in ("env/bin", "env/lib/python3.11/site-packages", "code/src/.git", "code/dz", "static/static"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (tmp_path / "env" / "bin" / "python3.11").symlink_to("/usr/bin/python3.11")
    (tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "a.py").write_text("")
    (tmp_path / "code" / "src" / ".git" / "config").write_text("secret")
    (tmp_path / "code" / "src" / "manage.py").write_text("")
    return tmp_path


def pack_build(built, key="key"):
    return packing.pack_layers(
        virtualenv=built / "env",
        virtualenv_key=key,
        code=built / "code",
        static=built / "static",
        layers_folder=built / "layers",
    )


def test_an_environment_is_packed_once_per_key(built):
    first = pack_build(built)
    (built / "env" / "new").write_text("")
    assert pack_build(built) == first
    assert pack_build(built, key="other")[0] != first[0]
    (built / "layers" / f"{first[0].sha256}.tar.zst").unlink()
    assert pack_build(built)[0] != first[0]


def test_a_bundle_goes_up_and_its_layers_come_down(built, store_and_folder):
    store, _ = store_and_folder
    layers = pack_build(built)
    manifest = replace(MANIFEST, name="bundle_x", layers=layers)
    for _ in range(2):
        packing.upload(manifest, layers_folder=built / "layers", store=store)
    stored = Manifest.from_json(store.get_manifest(manifest_key("p00000001", "bundle_x")))
    assert stored == manifest
    for layer, name in zip(stored.layers, ("env", "code", "static"), strict=True):
        ensure(layer, built / "out" / name, store=store, owner=None, max_bytes=10**7, max_members=100)
    found = sorted(str(path.relative_to(built / "out")) for path in (built / "out").rglob("*") if path.is_file())
    assert [name for name in found if ".lock" not in name] == [
        "code/src/manage.py",
        "env/lib/python3.11/site-packages/a.py",
    ]
    store.delete(layer_key(layers[0].sha256))
    ensure(layers[0], built / "out" / "env", store=store, owner=None, max_bytes=10**7, max_members=100)


def test_a_virtualenv_that_was_shipped_ahead_is_not_packed_or_sent_again(built, store_and_folder):
    store, folder = store_and_folder

    def ship():
        return packing.ship_virtualenv(built / "env", "key", layers_folder=built / "layers", store=store)

    layer = ship()
    assert (folder / layer_key(layer.sha256)).stat().st_size == layer.size
    assert ship() is None
    assert pack_build(built)[0] == layer


def test_a_manifest_is_not_there_before_all_of_its_layers_are(built, store_and_folder):
    store, _ = store_and_folder
    (built / "static" / "static" / "own").write_text(str(built))  # no store has had this layer before
    layers = pack_build(built)
    (built / "layers" / f"{layers[-1].sha256}.tar.zst").unlink()
    with pytest.raises(FileNotFoundError):
        packing.upload(
            replace(MANIFEST, name="bundle_half", layers=layers), layers_folder=built / "layers", store=store
        )
    with pytest.raises(BundleMissing):
        store.get_manifest(manifest_key(MANIFEST.sysid, "bundle_half"))


def test_a_build_waits_for_another_that_packs_the_same_virtualenv_and_takes_what_that_made(built):
    other = pack_build(built, key="other")[0]
    folder = built / "layers"
    with ThreadPoolExecutor(1) as pool:
        with (folder / ".environments.json.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = pool.submit(pack_build, built)
            _wait_for_waiter(os.fstat(lock.fileno()).st_ino)
            (folder / "environments.json").write_text(json.dumps({"key": other.to_json()}))
        assert waiting.result(30)[0] == other


def _wait_for_waiter(inode):
    """Return once a thread has opened the file of a lock, too, which it then asks for again and again."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if [_inode(path) for path in Path("/proc/self/fd").iterdir()].count(inode) > 1:
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits for the lock")


def _inode(descriptor):
    try:
        return descriptor.stat().st_ino
    except OSError:
        return None
