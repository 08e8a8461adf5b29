"""Bundles: packed on the build server, kept in the bundle store, listed in zoomdb.

A bundle is recorded before its layers are uploaded: `delete` keeps every layer that a recorded bundle names.
"""

import contextlib
import datetime as dt
import fcntl
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from dz.adapters import archive
from dz.adapters.archive import Kind, Layer
from dz.adapters.bundle_store import BundleStore, layer_key, manifest_key
from dz.zoomdb.models import Bundle
from dz.zoomdb.session import Zoomdb

_INTERPRETER = re.compile(r"pyvenv\.cfg|bin/python[0-9.]*", re.ASCII)
_INDEX = "environments.json"


@dataclass(frozen=True)
class StoredBundle:
    """A bundle as zoomdb lists it."""

    id: int
    name: str
    commit: str
    message: str
    created: dt.datetime
    uploaded: dt.datetime | None
    layers: tuple[Layer, ...]


def bundle_name(sysid: str, now: dt.datetime) -> str:
    """Return a bundle's name: `bundle_p00000001_20261124T213000123Z`; `now` has a time zone."""
    moment = now.astimezone(dt.UTC)
    return f"bundle_{sysid}_{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def layers_of(manifest: dict[str, Any]) -> tuple[Layer, ...]:
    """Return the layers that a manifest names."""
    return tuple(Layer.from_json(entry) for entry in manifest["layers"])


def pack_layers(
    *, environment: Path, environment_key: str, code: Path, static: Path | None, layers_folder: Path
) -> tuple[Layer, ...]:
    """Archive a build as `<layers_folder>/<sha256>.tar.zst` and return its layers.

    Args:
        environment: the virtualenv; its interpreter's links and pyvenv.cfg are left out.
        environment_key: names its content; an environment that was packed under this key is not packed again.
        code: the folder of `src/` and `dz/`; version control's own folders are left out.
        static: the folder of `static/` and `map/`; None: no such layer.

    Raises:
        BundleRefused: a folder holds something that cannot be archived.
    """
    layers_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layers = [
        _environment_layer(environment, environment_key, layers_folder),
        _pack(code, "code", layers_folder, _is_version_control),
    ]
    if static is not None:
        layers.append(_pack(static, "static", layers_folder, archive.keep_all))
    return tuple(layers)


def ship_environment(
    environment: Path, environment_key: str, *, layers_folder: Path, store: BundleStore
) -> Layer | None:
    """Archive and upload an environment ahead of its bundle, whose own archiving then finds it done.

    Returns the layer; None if the store had it already.

    Args:
        environment, environment_key, layers_folder: see `pack_layers`.

    Raises:
        BundleRefused: see `pack_layers`.
        ServiceUnavailable: the store does not answer (transient).
    """
    layers_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layer = _environment_layer(environment, environment_key, layers_folder)
    store.ensure()
    return layer if store.put_layer(_file(layers_folder, layer), layer) else None


def upload(manifest: dict[str, Any], *, layers_folder: Path, store: BundleStore) -> None:
    """Upload the layers that the store lacks, then the manifest: whoever finds a manifest finds its layers.

    Raises:
        ServiceUnavailable: the store does not answer (transient).
    """
    store.ensure()
    for layer in layers_of(manifest):
        store.put_layer(_file(layers_folder, layer), layer)
    store.put_manifest(manifest_key(manifest["sysid"], manifest["name"]), manifest)


def download_layer(layer: Layer, *, folder: Path, store: BundleStore) -> Path:
    """Return the file of a layer in `folder`, downloaded and verified if it is not there yet.

    Raises:
        BundleMissing: the store lost it.
        ChecksumMismatch: the store holds something else.
        ServiceUnavailable: the store does not answer (transient).
    """
    file = _file(folder, layer)
    if not _is_there(file, layer):
        store.get_layer(layer, file)
    return file


def record(zoomdb: Zoomdb, project_id: int, manifest: dict[str, Any], *, commit: str, message: str, config: str) -> int:
    """Store a bundle's row and return its id; the same name again returns the same row."""
    values = {
        "project_id": project_id,
        "name": manifest["name"],
        "commit": commit,
        "commit_message": message[:200].replace("\0", ""),
        "config": config,
        "manifest": manifest,
    }
    with zoomdb.session() as session:
        session.execute(insert(Bundle).values(**values).on_conflict_do_nothing())
        found = select(Bundle.id).where(Bundle.project_id == project_id, Bundle.name == manifest["name"])
        return session.scalars(found).one()


def mark_uploaded(zoomdb: Zoomdb, bundle_id: int) -> None:
    """Note that the bundle store holds all of a bundle."""
    with zoomdb.session() as session:
        session.execute(
            update(Bundle).where(Bundle.id == bundle_id, Bundle.uploaded.is_(None)).values(uploaded=func.now())
        )


def manifest(zoomdb: Zoomdb, bundle_id: int) -> dict[str, Any]:
    """Return a bundle's manifest."""
    with zoomdb.session() as session:
        return session.get_one(Bundle, bundle_id).manifest


def list_bundles(zoomdb: Zoomdb, project_id: int) -> list[StoredBundle]:
    """Return a project's bundles that are not deleted, newest first."""
    wanted = select(Bundle).where(Bundle.project_id == project_id, Bundle.deleted.is_(None)).order_by(Bundle.id.desc())
    with zoomdb.session() as session:
        return [
            StoredBundle(b.id, b.name, b.commit, b.commit_message, b.created, b.uploaded, layers_of(b.manifest))
            for b in session.scalars(wanted)
        ]


def delete(zoomdb: Zoomdb, bundle_id: int, store: BundleStore) -> None:
    """Remove a bundle from the store, with the layers that no other bundle names; its row stays, marked deleted.

    Repeating it finishes what was interrupted. The caller sees to it that no version needs the bundle.
    """
    with zoomdb.session() as session:
        # New bundles wait until this one's layers are gone, so that none counts on a layer about to go.
        session.execute(text("lock table bundle in share row exclusive mode"))
        bundle = session.get_one(Bundle, bundle_id)
        others = session.scalars(
            select(Bundle.manifest["layers"]).where(Bundle.id != bundle_id, Bundle.deleted.is_(None))
        )
        needed = {str(entry["sha256"]) for layers in others for entry in layers}
        store.delete(manifest_key(bundle.manifest["sysid"], bundle.name))
        for layer in layers_of(bundle.manifest):
            if layer.sha256 not in needed:
                store.delete(layer_key(layer.sha256))
        bundle.deleted = bundle.deleted or session.scalar(select(func.now()))


def _environment_layer(environment: Path, key: str, layers_folder: Path) -> Layer:
    with _locked_index(layers_folder) as index:
        known = Layer.from_json(index[key]) if key in index else None
        if known is not None and _is_there(_file(layers_folder, known), known):
            return known
        layer = _pack(environment, "environment", layers_folder, lambda path: bool(_INTERPRETER.fullmatch(path)))
        index[key] = layer.to_json()
        part = layers_folder / f".{_INDEX}.part"
        part.write_text(json.dumps(index, indent=1, sort_keys=True), "utf-8")
        part.replace(layers_folder / _INDEX)
        return layer


@contextlib.contextmanager
def _locked_index(layers_folder: Path) -> Iterator[dict[str, Any]]:
    """Yield which environment was packed under which key; two builds of one environment pack it once."""
    with (layers_folder / f".{_INDEX}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = layers_folder / _INDEX
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
