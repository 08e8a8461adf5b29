"""Layers on a server: they come once, whole or not at all."""

import os
import time
from pathlib import Path

import pytest

from dz.adapters.archive import Layer, pack
from dz.adapters.bundle_store import DirectoryBundleStore, layer_key
from dz.errors import BundleMissing, BundleRefused, ChecksumMismatch
from dz.tasklib.bundles import layers


@pytest.fixture
def store(tmp_path: Path) -> DirectoryBundleStore:
    return DirectoryBundleStore(tmp_path / "store")


@pytest.fixture
def layer(store: DirectoryBundleStore, tmp_path: Path) -> Layer:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "manage.py").write_text("hello")
    packed = pack(tmp_path / "in", tmp_path / "packed", kind="code")
    store.put_layer(tmp_path / "packed", packed)
    return packed


def ensure(layer: Layer, target: Path, store: DirectoryBundleStore, max_members: int = 10) -> None:
    layers.ensure(layer, target, store=store, owner=None, max_bytes=10**6, max_members=max_members)


def test_a_layer_that_is_there_is_marked_as_used_and_asked_of_no_store(
    layer: Layer, store: DirectoryBundleStore, tmp_path: Path
) -> None:
    target = tmp_path / "layers" / "one"
    ensure(layer, target, store)
    assert (target / "manage.py").read_text() == "hello"
    os.utime(target, (0, 0))
    store.delete(layer_key(layer.sha256))

    ensure(layer, target, store)

    assert target.stat().st_mtime > time.time() - 60
    assert [path.name for path in target.parent.iterdir() if path.suffix != ".lock"] == ["one"]


def test_what_cannot_be_had_or_is_not_what_was_uploaded_leaves_nothing(
    layer: Layer, store: DirectoryBundleStore, tmp_path: Path
) -> None:
    target = tmp_path / "layers" / "one"
    with pytest.raises(BundleRefused):
        ensure(layer, target, store, max_members=0)
    object_ = tmp_path / "store" / layer_key(layer.sha256)
    object_.write_bytes(object_.read_bytes()[:-1] + b"x")
    with pytest.raises(ChecksumMismatch):
        ensure(layer, target, store)
    store.delete(layer_key(layer.sha256))
    with pytest.raises(BundleMissing):
        ensure(layer, target, store)
    assert [path.name for path in target.parent.iterdir() if path.suffix != ".lock"] == []


def test_a_folder_that_is_not_there_is_not_made_by_touching_it(tmp_path: Path) -> None:
    assert not layers.touch(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_broken_files_are_made_what_the_archive_says_and_sound_ones_are_left(
    layer: Layer, store: DirectoryBundleStore, tmp_path: Path
) -> None:
    (tmp_path / "in" / "package").mkdir()
    (tmp_path / "in" / "package" / "sound.py").write_text("sound")
    (tmp_path / "in" / "package" / "gone.py").write_text("gone")
    (tmp_path / "in" / "link").symlink_to("manage.py")
    whole = pack(tmp_path / "in", tmp_path / "whole", kind="code")
    store.put_layer(tmp_path / "whole", whole)
    target = tmp_path / "layers" / "one"
    ensure(whole, target, store)
    sound = (target / "package" / "sound.py").stat().st_ino
    (target / "package" / "gone.py").unlink()
    (target / "link").unlink()
    (target / "manage.py").unlink()
    (target / "manage.py").mkdir()
    (target / "own").write_text("an interpreter's, for example")

    def renew() -> bool:
        return layers.renew(whole, target, store=store, owner=None, max_bytes=10**6, max_members=10)

    assert renew()
    assert (target / "manage.py").read_text() == "hello"
    assert (target / "package" / "gone.py").read_text() == "gone"
    assert (target / "link").readlink() == Path("manage.py")
    assert (target / "package" / "sound.py").stat().st_ino == sound
    assert (target / "own").exists()
    assert {path.name for path in target.parent.iterdir()} == {"one", ".one.lock"}
    (target / "manage.py").unlink()
    assert not renew(), "what does not work after it was renewed has another reason"
