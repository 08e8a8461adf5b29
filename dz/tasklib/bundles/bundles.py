"""Bundles as zoomdb lists them.

A bundle is recorded before its layers are uploaded, so that `delete`, which keeps every layer that a recorded bundle
names, does not remove one that the new bundle counts on.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore, layer_key, manifest_key
from dz.tasklib.bundles.manifest import Manifest
from dz.zoomdb.models import Bundle
from dz.zoomdb.session import Zoomdb


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
    """Return a bundle's name, `bundle_p00000001_20261124T213000123Z`; `now` must have a time zone."""
    moment = now.astimezone(dt.UTC)
    return f"bundle_{sysid}_{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def record(zoomdb: Zoomdb, project_id: int, manifest: Manifest, *, message: str, config: str) -> int:
    """Store a bundle's row and return its id; if the name is stored already, return that row's id.

    Args:
        message: the commit's message.
        config: the `zoombuild.cfg` that holds the plan.
    """
    values = {
        "project_id": project_id,
        "name": manifest.name,
        "commit": manifest.commit,
        "commit_message": message[:200].replace("\0", ""),
        "config": config,
        "manifest": manifest.to_json(),
    }
    with zoomdb.session() as session:
        session.execute(insert(Bundle).values(**values).on_conflict_do_nothing())
        found = select(Bundle.id).where(Bundle.project_id == project_id, Bundle.name == manifest.name)
        return session.scalars(found).one()


def mark_uploaded(zoomdb: Zoomdb, bundle_id: int) -> None:
    """Record that the bundle store holds all of a bundle."""
    with zoomdb.session() as session:
        session.execute(
            update(Bundle).where(Bundle.id == bundle_id, Bundle.uploaded.is_(None)).values(uploaded=func.now())
        )


def manifest_of(zoomdb: Zoomdb, bundle_id: int) -> Manifest:
    """Return the manifest of a bundle."""
    with zoomdb.session() as session:
        return Manifest.from_json(session.get_one(Bundle, bundle_id).manifest)


def list_bundles(zoomdb: Zoomdb, project_id: int) -> list[StoredBundle]:
    """Return a project's bundles that are not deleted, newest first."""
    wanted = select(Bundle).where(Bundle.project_id == project_id, Bundle.deleted.is_(None)).order_by(Bundle.id.desc())
    with zoomdb.session() as session:
        return [_stored(row) for row in session.scalars(wanted)]


def delete(zoomdb: Zoomdb, bundle_id: int, store: BundleStore) -> None:
    """Remove a bundle from the store, with the layers that no other bundle names; its row stays, marked as deleted.

    A repeat finishes an interrupted call. The caller makes sure that no version needs the bundle.
    """
    with zoomdb.session() as session:
        # New bundles wait until this one's layers are gone, so that none counts on a layer that is about to go.
        session.execute(text("lock table bundle in share row exclusive mode"))
        bundle = session.get_one(Bundle, bundle_id)
        manifest = Manifest.from_json(bundle.manifest)
        others = session.scalars(
            select(Bundle.manifest["layers"]).where(Bundle.id != bundle_id, Bundle.deleted.is_(None))
        )
        needed = {str(entry["sha256"]) for layers in others for entry in layers}
        store.delete(manifest_key(manifest.sysid, manifest.name))
        for layer in manifest.layers:
            if layer.sha256 not in needed:
                store.delete(layer_key(layer.sha256))
        bundle.deleted = bundle.deleted or session.scalar(select(func.now()))


def delete_unnamed(zoomdb: Zoomdb, store: BundleStore, *, before: dt.datetime) -> list[str]:
    """Remove layers that no bundle names from the store, which a broken build has left, and return their sha256.

    Args:
        before: a layer that was stored later may be of a build that has not recorded its bundle yet.
    """
    old = store.layers_before(before)
    with zoomdb.session() as session:
        # As in `delete`. A build that counts on one of these uploads it again with its bundle.
        session.execute(text("lock table bundle in share row exclusive mode"))
        named = session.scalars(select(Bundle.manifest["layers"]).where(Bundle.deleted.is_(None)))
        needed = {str(entry["sha256"]) for layers in named for entry in layers}
        gone = [sha256 for sha256 in old if sha256 not in needed]
        for sha256 in gone:
            store.delete(layer_key(sha256))
    return gone


def _stored(row: Bundle) -> StoredBundle:
    layers = Manifest.from_json(row.manifest).layers
    return StoredBundle(row.id, row.name, row.commit, row.commit_message, row.created, row.uploaded, layers)
