import os

import pytest

from dz.adapters import archive
from dz.adapters.bundle_store import DirectoryBundleStore
from dz.errors import BundleMissing
from dz.tasklib.proxies import static


@pytest.fixture
def stored(tmp_path):
    """A store and the static layer that it holds."""
    (tmp_path / "made" / "static").mkdir(parents=True)
    (tmp_path / "made" / "static" / "app.css").write_text("body {}")
    layer = archive.pack(tmp_path / "made", tmp_path / "static.tar.zst", kind="static")
    store = DirectoryBundleStore(tmp_path / "store")
    store.put_layer(tmp_path / "static.tar.zst", layer)
    return store, layer


def test_static_files_are_fetched_once_and_readable_by_nginx(stored, tmp_path):
    store, layer = stored
    folder = tmp_path / "proxy" / "static"
    target = static.ensure(layer, folder=folder, store=store)
    assert target == folder / layer.sha256
    assert (target / "static" / "app.css").read_text() == "body {}"
    assert all(path.stat().st_mode & 0o004 for path in (target, *target.rglob("*")))
    assert static.ensure(layer, folder=folder, store=DirectoryBundleStore(tmp_path / "nothing")) == target


def test_a_layer_that_is_asked_for_again_counts_as_used_now(stored, tmp_path):
    store, layer = stored
    target = static.ensure(layer, folder=tmp_path / "static", store=store)
    os.utime(target, (1, 1))
    static.ensure(layer, folder=tmp_path / "static", store=store)
    assert target.stat().st_mtime > 1


def test_a_layer_that_is_gone_leaves_no_folder(stored, tmp_path):
    _, layer = stored
    with pytest.raises(BundleMissing):
        static.ensure(layer, folder=tmp_path / "static", store=DirectoryBundleStore(tmp_path / "nothing"))
    assert not any(path.is_dir() for path in (tmp_path / "static").iterdir())
