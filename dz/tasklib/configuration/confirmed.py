"""The configurations of a project that were confirmed or proved to build, by version."""

import datetime as dt

from sqlalchemy import func, select

from dz.zoomdb import Zoomdb
from dz.zoomdb.models import BuildConfig, Project


def newest(zoomdb: Zoomdb, project_id: int, *, number: int | None = None) -> str | None:
    """Return the text of a verified `zoombuild.cfg` of a project: version `number`, or the newest."""
    query = select(BuildConfig.text).where(BuildConfig.project_id == project_id).order_by(BuildConfig.number.desc())
    if number is not None:
        query = query.where(BuildConfig.number == number)
    with zoomdb.session() as session:
        return session.scalar(query.limit(1))


def served(zoomdb: Zoomdb, project_id: int) -> str | None:
    """Return the text of the `zoombuild.cfg` that the current version was built from, or None."""
    with zoomdb.session() as session:
        release = session.get_one(Project, project_id).current_release
        return release.bundle.config if release else None


def versions(zoomdb: Zoomdb, project_id: int) -> list[tuple[int, dt.datetime]]:
    """Return number and time of each verified `zoombuild.cfg` of a project, newest first."""
    query = select(BuildConfig.number, BuildConfig.created).where(BuildConfig.project_id == project_id)
    with zoomdb.session() as session:
        return [(number, created) for number, created in session.execute(query.order_by(BuildConfig.number.desc()))]


def store(zoomdb: Zoomdb, project_id: int, text: str | None) -> None:
    """Store a verified `zoombuild.cfg` for later deploys; None, or the same text again, changes nothing."""
    if text is None or text == newest(zoomdb, project_id):
        return
    number = _newest_number(zoomdb, project_id) + 1
    with zoomdb.session() as session:
        session.add(BuildConfig(project_id=project_id, number=number, text=text))


def _newest_number(zoomdb: Zoomdb, project_id: int) -> int:
    with zoomdb.session() as session:
        return session.scalar(select(func.max(BuildConfig.number)).where(BuildConfig.project_id == project_id)) or 0
