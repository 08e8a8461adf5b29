"""Downloads, verifies and extracts the layers of bundles on a server, each layer once."""

import os
import uuid
from pathlib import Path

from dz.adapters import archive
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
