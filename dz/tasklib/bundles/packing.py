"""Packs a build into layers and uploads them."""

import contextlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dz.adapters import archive, files
from dz.adapters.archive import Kind, Layer
from dz.adapters.bundle_store import BundleStore, manifest_key
from dz.tasklib.bundles.manifest import Manifest

_INTERPRETER = re.compile(r"pyvenv\.cfg|bin/python[0-9.]*", re.ASCII)
_INDEX = "environments.json"


def pack_layers(
    *, virtualenv: Path, virtualenv_key: str, code: Path, static: Path | None, layers_folder: Path
) -> tuple[Layer, ...]:
    """Archive a build as `<layers_folder>/<sha256>.tar.zst` and return its layers.

    Args:
        virtualenv: its folder; the links to its interpreter and pyvenv.cfg are left out.
        virtualenv_key: identifies its content; a virtualenv that was packed under this key is not packed again.
        code: the folder of `src/` and `dz/`; the folders of version control systems are left out.
        static: the folder of `static/` and `map/`; None: the bundle has no static layer.

    Raises:
        BundleRefused: a folder holds something that cannot be archived.
    """
    layers_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layers = [
        _virtualenv_layer(virtualenv, virtualenv_key, layers_folder),
        _pack(code, "code", layers_folder, _is_version_control),
    ]
    if static is not None:
        layers.append(_pack(static, "static", layers_folder, archive.keep_all))
    return tuple(layers)


def ship_virtualenv(virtualenv: Path, virtualenv_key: str, *, layers_folder: Path, store: BundleStore) -> Layer | None:
    """Archive and upload a virtualenv ahead of its bundle, so that packing the bundle finds it done.

    Returns the layer, or None if the store had it already.

    Args:
        virtualenv, virtualenv_key, layers_folder: see `pack_layers`.

    Raises:
        BundleRefused: see `pack_layers`.
        ServiceUnavailable: the store does not answer (transient).
    """
    layers_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layer = _virtualenv_layer(virtualenv, virtualenv_key, layers_folder)
    store.ensure()
    return layer if store.put_layer(_file(layers_folder, layer), layer) else None


def upload(manifest: Manifest, *, layers_folder: Path, store: BundleStore) -> None:
    """Upload the layers that the store lacks, then the manifest, so that whoever finds a manifest finds its layers.

    Raises:
        ServiceUnavailable: the store does not answer (transient).
    """
    store.ensure()
    for layer in manifest.layers:
        store.put_layer(_file(layers_folder, layer), layer)
    store.put_manifest(manifest_key(manifest.sysid, manifest.name), manifest.to_json())


def _virtualenv_layer(virtualenv: Path, key: str, layers_folder: Path) -> Layer:
    with _locked_index(layers_folder) as index:
        known = Layer.from_json(index[key]) if key in index else None
        if known is not None and _is_there(_file(layers_folder, known), known):
            return known
        layer = _pack(virtualenv, "environment", layers_folder, lambda path: bool(_INTERPRETER.fullmatch(path)))
        index[key] = layer.to_json()
        content = json.dumps(index, indent=1, sort_keys=True)
        files.write(layers_folder / _INDEX, content, mode=0o644, sync=False)
        return layer


@contextlib.contextmanager
def _locked_index(layers_folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the index of packed virtualenvs under its lock, so that two builds of one virtualenv pack it once."""
    file = layers_folder / _INDEX
    with files.locked(layers_folder / f".{_INDEX}.lock"):
        for rest in files.parts(file):
            rest.unlink()
        yield json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _pack(folder: Path, kind: Kind, layers_folder: Path, skip: Callable[[str], bool]) -> Layer:
    part = layers_folder / f".{kind}-{uuid.uuid4().hex}.part"
    try:
        layer = archive.pack(folder, part, kind=kind, skip=skip)
        part.replace(_file(layers_folder, layer))
        return layer
    finally:
        part.unlink(missing_ok=True)


def _is_version_control(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in {".git", ".hg", ".svn"}


def _file(folder: Path, layer: Layer) -> Path:
    return folder / f"{layer.sha256}.tar.zst"


def _is_there(file: Path, layer: Layer) -> bool:
    return file.is_file() and file.stat().st_size == layer.size
