"""Removes what servers and the bundle store need not keep: layers, virtualenvs and bundles that no kept version uses.

Each use of a folder updates its modification time (`layers.touch`), and nothing is removed soon after a use: a deploy
may have found it a moment ago and still need it.
"""

import contextlib
import datetime as dt
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, CursorResult, Result, delete, func, select, update
from sqlalchemy.orm import Session

from dz.adapters import files, python_downloads, trees
from dz.adapters.bundle_store import BundleStore
from dz.errors import going_on
from dz.tasklib.bundles import bundles
from dz.tasklib.bundles.manifest import Manifest
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import (
    Base,
    Bundle,
    ChildFailure,
    Deployment,
    Job,
    Launch,
    Project,
    Release,
    Server,
    Standby,
    VirtualHost,
)
from dz.zoomdb.states import LIVE, JobState

UNUSED = 3600
"""Seconds that must have passed since the last use before anything is removed."""
UNDEPLOYED = dt.timedelta(days=1)
"""Age from which a bundle that no published version uses counts as left behind by a failed deploy."""
MESSAGES = dt.timedelta(days=1)
"""Age of a message from a run to its parent, or to a run that stands by; whoever is to read it does so within the hour."""
JOBS_KEPT = 20
"""How many jobs of each project stay however old they are."""
_AT_ONCE = 1000
"""How many jobs are removed in one transaction."""
_MEASURED = 86_400
"""Seconds between two measurements of caches, which read every name in them."""
_GONE = ".gone-"
logger = logging.getLogger("dz.retention")


def clean_appserver(zoomdb: Zoomdb, server_name: str, *, folder: Path) -> list[Path]:
    """Remove extracted layers that no app instance of this appserver uses, and return them."""
    query = select(Bundle.manifest).join(Release, Release.bundle_id == Bundle.id)
    query = query.join(Deployment, Deployment.release_id == Release.id).join(Server, Deployment.server_id == Server.id)
    with zoomdb.session() as session:
        live = query.where(Server.name == server_name, Deployment.state.in_(LIVE))
        manifests = [Manifest.from_json(row) for row in session.scalars(live)]
    needed = {manifest.name for manifest in manifests} | _digests(manifests)
    return _sweep(
        [*(folder / "envs").glob("*"), *(folder / "static").glob("*"), *(folder / "bundles").glob("*/*")], needed
    )


def clean_proxy(zoomdb: Zoomdb, *, folder: Path, versions_kept: int) -> list[Path]:
    """Remove extracted static layers that no version shows or may soon show again, and return them."""
    with zoomdb.session() as session:
        needed = _digests(_kept_bundles(session, versions_kept).values())
    return _sweep((folder / "static").glob("*"), needed)


def clean_build(zoomdb: Zoomdb, *, folder: Path) -> list[Path]:
    """Remove virtualenvs and archives that a project's next build would not reuse, and return them."""
    newest = select(func.max(Bundle.id)).group_by(Bundle.project_id)
    wanted = select(Bundle.manifest).where(Bundle.deleted.is_(None))
    with zoomdb.session() as session:
        waiting = session.scalars(wanted.where(Bundle.uploaded.is_(None) | Bundle.id.in_(newest)))
        manifests = [*map(Manifest.from_json, waiting), *_kept_bundles(session, 1).values()]
    needed = _digests(manifests) | {manifest.virtualenv_key for manifest in manifests}
    return _sweep([*(folder / "envs").glob("*/*"), *(folder / "layers").glob("*.tar.zst")], needed)


def clean_store(zoomdb: Zoomdb, store: BundleStore, *, bundles_kept: int) -> list[str]:
    """Delete the bundles of versions that nobody can go back to, and return their names.

    Args:
        bundles_kept: how many published versions of a project, newest first, can be served again.
    """
    with zoomdb.session() as session:
        kept = _kept_bundles(session, bundles_kept)
        before = func.now() - UNDEPLOYED
        query = select(Bundle.id, Bundle.name).where(Bundle.deleted.is_(None), Bundle.created < before)
        old = [(bundle_id, name) for bundle_id, name in session.execute(query) if bundle_id not in kept]
    deleted = []
    for bundle_id, name in old:
        with going_on(logger, f"deleting bundle {name}"):
            bundles.delete(zoomdb, bundle_id, store)
            deleted.append(name)
    with going_on(logger, "deleting layers that no bundle names"):
        deleted += bundles.delete_unnamed(zoomdb, store, before=dt.datetime.now(dt.UTC) - UNDEPLOYED)
    return deleted


def clean_jobs(zoomdb: Zoomdb, *, jobs_kept_days: int) -> int:
    """Remove jobs that ended long ago with all that belongs to them.

    Args:
        jobs_kept_days: days from a job's end; the newest jobs of each project stay longer.

    Returns the number of rows.
    """
    rank = func.row_number().over(partition_by=Job.project_id, order_by=Job.id.desc()).label("rank")
    ranked = select(Job.id, rank).where(Job.project_id.is_not(None)).subquery()
    newest = select(ranked.c.id).where(ranked.c.rank <= JOBS_KEPT)
    launches = [select(column).where(column.is_not(None)) for column in (Launch.check_job_id, Launch.deploy_job_id)]
    old = select(Job.id).where(Job.ended < func.now() - dt.timedelta(days=jobs_kept_days), Job.id.not_in(newest))
    removed = 0
    with zoomdb.session() as session:
        # A launch names the jobs of its parts: it goes first, and they follow the next time.
        ids = list(session.scalars(old.where(*(Job.id.not_in(of_launch) for of_launch in launches)).limit(_AT_ONCE)))
        for column in _naming(Job.__table__.c.id):
            named = column.in_(ids)
            table = column.table
            if column.nullable:
                session.execute(update(table).where(named).values({column.name: None}))
            else:
                removed += _count(session.execute(delete(table).where(named)))
        removed += _count(session.execute(delete(Job).where(Job.id.in_(ids))))
    return removed


def _naming(key: ColumnElement[Any]) -> list[Column[Any]]:
    """Return the columns of all tables that name a row by its key."""
    columns = [column for table in Base.metadata.sorted_tables for column in table.columns]
    return [column for column in columns if any(one.column is key for one in column.foreign_keys)]


def _count(result: Result[Any]) -> int:
    return int(cast("CursorResult[Any]", result).rowcount)


def clean_caches(zoomdb: Zoomdb, *, folder: Path, most_mb: int) -> list[Path]:
    """Empty the installer's caches of a build server that are too large, unless something is built; return them.

    Args:
        folder: the build server's.
        most_mb: megabytes that each may have.
    """
    mark = folder / ".caches-measured"
    if not _is_old(mark, _MEASURED) and mark.exists():
        return []
    with zoomdb.session() as session:
        if session.scalar(select(func.count()).where(Job.state == JobState.RUNNING)):
            return []
    mark.touch()
    caches = [folder / "packages" / "cache", *(folder / "envs").glob("*/.cache")]
    large = [cache for cache in caches if _bytes(cache) > most_mb * 1024**2]
    for cache in large:
        with going_on(logger, f"emptying {cache}"):
            trees.discard_tree(cache)
    return large


def _bytes(folder: Path) -> int:
    """Return the space that a folder takes, without following links."""
    total, seen = 0, set[int]()
    for home, _, names, here in os.fwalk(folder, follow_symlinks=False, onerror=None):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
                total += 0 if found.st_ino in seen else found.st_blocks * 512
                seen.add(found.st_ino)
        del home
    return total


def clean_pythons(zoomdb: Zoomdb, *, folder: Path) -> list[Path]:
    """Remove fetched Pythons that no kept bundle was built with and no process runs, and return their folders."""
    with zoomdb.session() as session:
        kept = session.scalars(select(Bundle.manifest).where(Bundle.deleted.is_(None)))
        sources = {manifest.python_source for manifest in map(Manifest.from_json, kept)}
    needed = {source.sha256 for source in sources if source}
    names = {place.name for place, source in python_downloads.places(folder) if source and source.sha256 in needed}
    if not folder.is_dir():
        return []
    with files.locked(folder / ".lock"):  # other servers of this machine may share the folder
        return _sweep((path for path in folder.glob("*") if path.is_dir()), names | python_downloads.running(folder))


def clean_rows(zoomdb: Zoomdb) -> list[str]:
    """Remove messages between runs that nobody waits for any more, and return what they were."""
    with zoomdb.session() as session:
        removed: list[str] = []
        for table in (ChildFailure, Standby):
            gone = session.scalars(
                delete(table).where(table.created < func.now() - MESSAGES).returning(table.flow_run_id)
            )
            removed += [f"{table.__tablename__} {run}" for run in gone]
        return removed


def _kept_bundles(session: Session, published: int) -> dict[int, Manifest]:
    """Return id and manifest of every bundle that users see, may go back to, or are about to see.

    Args:
        published: how many published versions of each project, newest first.
    """
    rank = func.row_number().over(partition_by=Release.project_id, order_by=Release.published.desc()).label("rank")
    ranked = select(Release.id, rank).where(Release.published.is_not(None)).subquery()
    newest = select(ranked.c.id).where(ranked.c.rank <= published)
    current = select(Project.current_release_id).where(Project.current_release_id.is_not(None))
    named = select(VirtualHost.release_id).where(VirtualHost.release_id.is_not(None))
    running = select(Deployment.release_id).where(Deployment.state.in_(LIVE))
    releases = Release.id.in_(newest) | Release.id.in_(current) | Release.id.in_(named) | Release.id.in_(running)
    query = select(Bundle.id, Bundle.manifest).join(Release, Release.bundle_id == Bundle.id).where(releases)
    return {number: Manifest.from_json(manifest) for number, manifest in session.execute(query)}


def _digests(manifests: Iterable[Manifest]) -> set[str]:
    return {layer.sha256 for manifest in manifests for layer in manifest.layers}


def _sweep(paths: Iterable[Path], needed: set[str]) -> list[Path]:
    """Remove what is neither needed nor recently used, and what a killed sweep left behind."""
    removed = []
    for path in paths:
        with going_on(logger, f"removing {path} if nobody needs it"):
            if _swept(path, needed):
                removed.append(path)
    return removed


def _swept(path: Path, needed: set[str]) -> bool:
    if path.name.startswith(_GONE):
        trees.discard_tree(path)
    elif not path.name.startswith(".") and path.name.removesuffix(".tar.zst") not in needed and _is_old(path):
        gone = path.with_name(_GONE + path.name)
        path.rename(gone)
        if _is_old(gone):
            trees.discard_tree(gone)
            return True
        gone.rename(path)  # a deploy began to use it just before the rename
    return False


def _is_old(path: Path, seconds: float = UNUSED) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.lstat().st_mtime > seconds
    return False
