import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dz.adapters.archive import Layer, pack
from dz.adapters.bundle_store import DirectoryBundleStore, S3BundleStore, layer_key, manifest_key
from dz.errors import BundleMissing, BundleRefused, ChecksumMismatch, ServiceUnavailable, StoreRefused
from dz.tasklib.bundles import packing
from dz.tasklib.bundles.layers import ensure
from dz.tasklib.bundles.manifest import Manifest
from tests.manifests import MANIFEST

BUCKET = "bundles"
KEYS = ("dz-test-access", secrets.token_hex(16))


class RcloneS3:
    """A real S3 server over a folder; it can be stopped and started again on its port."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        program = Path(sysconfig.get_path("scripts")) / "rclone"
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "RCLONE_AUTH_KEY": f'"{",".join(KEYS)}"'}
        argv = [program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--vfs-cache-mode", "off", self.folder]
        self.process = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, "rclone ended"
            time.sleep(0.05)
        raise AssertionError("rclone did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@pytest.fixture(scope="module")
def rclone(tmp_path_factory):
    server = RcloneS3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


def s3_store(server, **changes):
    values = {"endpoint": server.endpoint, "bucket": BUCKET, "region": "us-east-1"}
    values |= {"access_key": KEYS[0], "secret_key": KEYS[1], "connect_timeout": 2} | changes
    return S3BundleStore(**values)


@pytest.fixture(params=["s3", "directory"])
def store_and_folder(request, tmp_path):
    """A store, and the folder where its objects lie as files."""
    if request.param == "directory":
        return DirectoryBundleStore(tmp_path / "store"), tmp_path / "store"
    server = request.getfixturevalue("rclone")
    shutil.rmtree(server.folder / BUCKET, ignore_errors=True)
    return s3_store(server), server.folder / BUCKET


def overwrite(store, folder, layer, content):
    """Replace an object as somebody with access to the store could."""
    if isinstance(store, S3BundleStore):
        store._client.put_object(Bucket=BUCKET, Key=layer_key(layer.sha256), Body=content)
    else:
        (folder / layer_key(layer.sha256)).write_bytes(content)


@pytest.fixture
def packed(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "noise").write_bytes(os.urandom(200_000))
    archive = tmp_path / "a.tar.zst"
    return archive, pack(tmp_path / "f", archive, kind="code")


def test_a_layer_comes_back_as_it_was_and_everything_can_be_repeated(store_and_folder, packed, tmp_path):
    store, _ = store_and_folder
    archive, layer = packed
    for _ in range(2):
        store.ensure()
        store.put_layer(archive, layer)
        store.get_layer(layer, tmp_path / "down" / "a")
        assert (tmp_path / "down" / "a").read_bytes() == archive.read_bytes()
    for _ in range(2):
        store.delete(layer_key(layer.sha256))
    with pytest.raises(BundleMissing, match=layer.sha256):
        store.get_layer(layer, tmp_path / "down" / "b")
    assert [path.name for path in (tmp_path / "down").iterdir()] == ["a"]


def test_a_layer_that_is_there_is_not_stored_again(store_and_folder, packed):
    store, folder = store_and_folder
    archive, layer = packed
    store.ensure()
    store.put_layer(archive, layer)
    before = (folder / layer_key(layer.sha256)).stat().st_mtime_ns
    time.sleep(0.02)
    store.put_layer(archive, layer)
    assert (folder / layer_key(layer.sha256)).stat().st_mtime_ns == before


@pytest.mark.parametrize("harm", ["flip", "cut", "append"])
def test_a_harmed_object_is_noticed_and_leaves_no_file(store_and_folder, packed, tmp_path, harm):
    store, folder = store_and_folder
    archive, layer = packed
    store.ensure()
    store.put_layer(archive, layer)
    content = archive.read_bytes()
    flipped = content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]
    overwrite(store, folder, layer, {"flip": flipped, "cut": content[:-1], "append": content + b"x"}[harm])
    with pytest.raises(ChecksumMismatch):
        store.get_layer(layer, tmp_path / "down" / "a")
    assert list((tmp_path / "down").iterdir()) == []


def test_a_cut_object_is_replaced_by_the_next_upload(store_and_folder, packed, tmp_path):
    store, folder = store_and_folder
    archive, layer = packed
    store.ensure()
    store.put_layer(archive, layer)
    overwrite(store, folder, layer, b"half")
    store.put_layer(archive, layer)
    store.get_layer(layer, tmp_path / "down" / "a")


def test_manifests_are_stored_and_missed(store_and_folder):
    store, _ = store_and_folder
    store.ensure()
    key = manifest_key("p00000001", "bundle_x")
    store.put_manifest(key, {"name": "bäh", "layers": []})
    assert store.get_manifest(key) == {"name": "bäh", "layers": []}
    with pytest.raises(BundleMissing):
        store.get_manifest(manifest_key("p00000001", "bundle_y"))


@pytest.mark.parametrize("key", ["../x", "layers/../x", "bundles/p00000001/../x.json", "/etc/passwd"])
def test_a_key_that_is_not_ours_is_refused(store_and_folder, key):
    store, _ = store_and_folder
    with pytest.raises(BundleRefused):
        store.delete(key)


def test_a_store_that_is_down_is_named_and_works_again_afterwards(tmp_path, packed):
    archive, layer = packed
    (tmp_path / "s3").mkdir()
    server = RcloneS3(tmp_path / "s3")
    store = s3_store(server)
    with pytest.raises(ServiceUnavailable, match=server.endpoint):
        store.ensure()
    with pytest.raises(ServiceUnavailable, match=server.endpoint):
        store.get_layer(layer, tmp_path / "down" / "a")
    server.start()
    try:
        store.ensure()
        store.put_layer(archive, layer)
    finally:
        server.stop()
    with pytest.raises(ServiceUnavailable):
        store.put_layer(archive, layer)


def test_a_wrong_key_is_named_without_the_secret(rclone, packed):
    archive, layer = packed
    with pytest.raises(StoreRefused) as caught:
        s3_store(rclone, secret_key="wrong-secret").put_layer(archive, layer)
    assert "wrong-secret" not in str(caught.value)


def test_a_large_layer_goes_up_in_parts(rclone, tmp_path):
    archive = tmp_path / "large"
    block = os.urandom(1024**2)
    archive.write_bytes(block * 70)
    layer = Layer("environment", hashlib.sha256(block * 70).hexdigest(), 70 * 1024**2)
    store = s3_store(rclone)
    store.ensure()
    store.put_layer(archive, layer)
    store.get_layer(layer, tmp_path / "down")
    store.delete(layer_key(layer.sha256))


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
