"""Layers of bundles on a server: downloaded, verified, extracted, once."""

import os
import uuid
from pathlib import Path

from dz.adapters import archive
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore


def touch(target: Path) -> bool:
    """Mark a folder as used now, so that it is not removed as unused; False if it is not there."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return True


def ensure(
    layer: Layer, target: Path, *, store: BundleStore, owner: tuple[int, int] | None, max_bytes: int, max_members: int
) -> None:
    """Extract a layer into `target`, which appears whole; one that is there already is left alone.

    Args:
        owner: uid and gid of what is extracted; None: this process's own.
        max_bytes: the most that the layer may hold, extracted.
        max_members: files, folders and links, likewise.

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
