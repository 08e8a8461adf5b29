"""Static files on a proxy."""

from pathlib import Path

from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore
from dz.tasklib.bundles import layers

MAX_BYTES = 4 * 1024**3
MAX_MEMBERS = 300_000


def ensure(layer: Layer, *, folder: Path, store: BundleStore) -> Path:
    """Return the folder of an extracted static layer, downloaded and verified if it is not there yet."""
    target = folder / layer.sha256
    layers.ensure(layer, target, store=store, owner=None, max_bytes=MAX_BYTES, max_members=MAX_MEMBERS)
    return target
