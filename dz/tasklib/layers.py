"""Layers of bundles on a server: downloaded, verified, extracted, once."""

import uuid
from pathlib import Path

from dz.adapters import archive
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore


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
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    download = target.parent / f".{layer.sha256}.{uuid.uuid4().hex}.tar.zst"
    try:
        store.get_layer(layer, download)
        archive.extract(download, target, owner=owner, max_bytes=max_bytes, max_members=max_members)
    finally:
        download.unlink(missing_ok=True)
