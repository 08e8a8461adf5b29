"""Keys of stored objects, and files that appear complete and verified or not at all."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dz.adapters import files
from dz.adapters.archive import Layer
from dz.errors import BundleRefused, ChecksumMismatch

REBUILD = "Build the version again; versions that still run are not touched."
LAYERS = "layers/"
"""What the key of every layer begins with."""
_LAYER = re.compile(r"layers/([0-9a-f]{64})\.tar\.zst", re.ASCII)
_KEY = re.compile(r"layers/[0-9a-f]{64}\.tar\.zst|bundles/p[0-9]{8}/[A-Za-z0-9_-]{1,80}\.json", re.ASCII)


def layer_key(sha256: str) -> str:
    """Return the key of a layer."""
    return checked(f"layers/{sha256}.tar.zst")


def layer_of(key: str) -> str | None:
    """Return the sha256 of the layer that has a key; None if it is the key of something else."""
    found = _LAYER.fullmatch(key)
    return found and found[1]


def manifest_key(sysid: str, name: str) -> str:
    """Return the key of a bundle's manifest."""
    return checked(f"bundles/{sysid}/{name}.json")


def write_verified(chunks: Iterable[bytes], layer: Layer, target: Path, place: str, *, lasting: bool = False) -> None:
    """Write `chunks` to `target`, which appears only if they are the layer; raises ChecksumMismatch otherwise.

    Args:
        place: where they come from, for a message.
        lasting: fsync the file, which one that is soon read and removed does not need.
    """
    found, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.appearing(target, mode=0o644, sync=lasting) as file:
        for chunk in chunks:
            found.update(chunk)
            size += len(chunk)
            if size > layer.size:
                break
            file.write(chunk)
        if size != layer.size or found.hexdigest() != layer.sha256:
            raise ChecksumMismatch(
                f"The {layer.kind} layer {layer.sha256[:12]} from {place} is not what was uploaded.",
                "Look who can write to the bundle store; then delete that object there and build the version again.",
            )


def as_json(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as the JSON that is stored."""
    return json.dumps(manifest, indent=1, sort_keys=True).encode()


def checked(key: str) -> str:
    """Return `key` if it has the form of one of our keys, else raise BundleRefused."""
    if not _KEY.fullmatch(key):
        raise BundleRefused(f"{key!r} cannot be the key of a layer or manifest.", REBUILD)
    return key
