import datetime as dt
import hashlib
import os
import re
import time

import pytest

from dz.adapters.archive import Layer, pack
from dz.adapters.bundle_store import S3BundleStore, layer_key, manifest_key
from dz.errors import BundleMissing, BundleRefused, ChecksumMismatch, ServiceUnavailable, StoreRefused
from tests.integration.rclone import BUCKET, RcloneS3, s3_store


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


def test_old_layers_are_listed_and_fresh_ones_and_manifests_are_not(store_and_folder, packed):
    store, _ = store_and_folder
    archive, layer = packed
    store.ensure()
    store.put_layer(archive, layer)
    store.put_manifest(manifest_key("p00000001", "one"), {"format": 1})
    now = dt.datetime.now(dt.UTC)
    assert layer.sha256 not in store.layers_before(now - dt.timedelta(hours=1))
    later = store.layers_before(now + dt.timedelta(hours=1))
    assert layer.sha256 in later
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in later)
