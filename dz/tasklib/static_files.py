"""Static files on a proxy."""

import uuid
from pathlib import Path

from dz.adapters import archive
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore

MAX_BYTES = 4 * 1024**3
MAX_MEMBERS = 300_000


def ensure(layer: Layer, *, folder: Path, store: BundleStore) -> Path:
    """Return the folder of an extracted static layer, downloaded and verified if it is not there yet."""
    target = folder / layer.sha256
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    download = folder / f".{layer.sha256}.{uuid.uuid4().hex}.tar.zst"
    try:
        store.get_layer(layer, download)
        archive.extract(download, target, owner=None, max_bytes=MAX_BYTES, max_members=MAX_MEMBERS)
    finally:
        download.unlink(missing_ok=True)
    return target
