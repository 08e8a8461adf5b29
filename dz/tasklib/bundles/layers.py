"""Downloads, verifies and extracts the layers of bundles on a server, each layer once."""

import filecmp
import os
import stat
import time
import uuid
from pathlib import Path

from dz.adapters import archive, files, trees
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore


def touch(target: Path) -> bool:
    """Mark a folder as used just now, so that it is not removed as unused; return False if it does not exist."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return True


def ensure(
    layer: Layer, target: Path, *, store: BundleStore, owner: tuple[int, int] | None, max_bytes: int, max_members: int
) -> None:
    """Download a layer and extract it into `target`, which appears whole; if it exists, only mark it as used.

    Args:
        owner: uid and gid of the extracted files; None: this process's own.
        max_bytes: limit on the layer's extracted size.
        max_members: limit on the number of its files, folders and links.

    Raises:
        BundleMissing, ChecksumMismatch, BundleRefused: the layer is gone or not what was uploaded.
        ServiceUnavailable: the store does not answer (transient).
    """
    if touch(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    download = target.parent / f".{layer.sha256}.{uuid.uuid4().hex}.tar.zst"
    try:
        store.get_layer(layer, download)
        archive.extract(download, target, owner=owner, max_bytes=max_bytes, max_members=max_members)
    finally:
        download.unlink(missing_ok=True)


RENEWED = 600
"""Seconds for which files that were renewed count as sound: what still does not work then has another reason."""


def renew(
    layer: Layer, target: Path, *, store: BundleStore, owner: tuple[int, int] | None, max_bytes: int, max_members: int
) -> bool:
    """Make the files of an extracted layer what its archive says, where they differ or are gone; see `ensure`.

    Each is replaced by rename, so that other versions may use the folder meanwhile; what the archive does not have stays.
    Return whether anything was looked at.
    """
    mark = target / ".dz-renewed"
    if not target.is_dir() or (mark.exists() and time.time() - mark.stat().st_mtime < RENEWED):
        return False
    sound = target.parent / f".{target.name}.{uuid.uuid4().hex}"
    try:
        ensure(layer, sound, store=store, owner=owner, max_bytes=max_bytes, max_members=max_members)
        _bring(sound, target)
    finally:
        trees.discard_tree(sound)
        sound.with_name(f".{sound.name}.lock").unlink(missing_ok=True)
    files.write(mark, "", mode=0o644)
    return True


def _bring(sound: Path, target: Path) -> None:
    """Replace what differs from a sound tree; the folders are the platform's own, in which no project can write."""
    for entry in sorted(sound.iterdir()):
        there = target / entry.name
        if entry.is_dir() and not entry.is_symlink():
            if not there.is_dir() or there.is_symlink():
                there.unlink(missing_ok=True)
                there.mkdir()
            there.chmod(stat.S_IMODE(entry.lstat().st_mode))
            _bring(entry, there)
        elif not _is_same(entry, there):
            if there.is_dir() and not there.is_symlink():
                trees.discard_tree(there)
            entry.replace(there)


def _is_same(first: Path, second: Path) -> bool:
    try:
        one, other = first.lstat(), second.lstat()
        if (one.st_mode, one.st_uid, one.st_gid) != (other.st_mode, other.st_uid, other.st_gid):
            return False
        if stat.S_ISLNK(one.st_mode):
            return first.readlink() == second.readlink()
        return filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False
