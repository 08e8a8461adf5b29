"""Where people find a site: its URL and host names."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from dz.tasklib.jobs.results import JobResult
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Project, Release, SitePort, VirtualHost


@dataclass(frozen=True)
class Site:
    """Where people reach a version of a project."""

    url: str
    project: str
    version: int
    commit: str
    hosts: tuple[str, ...]

    def result(self) -> JobResult:
        """Return the site as keys of a job's result."""
        return JobResult(
            url=self.url, project=self.project, version=self.version, commit=self.commit, hosts=list(self.hosts)
        )


def of_release(zoomdb: Zoomdb, release_id: int, *, tls: bool = False) -> Site:
    """Return where a release is shown; in a local stack, on a port of 127.0.0.1 that needs no entry in a hosts file.

    Args:
        tls: visitors come by https.
    """
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        rows = _shown(session, VirtualHost.project_id == release.project_id, VirtualHost.release_id.is_(None))
        hosts = tuple(dict.fromkeys(host.name for host, _ in rows))
        return Site(_url(rows, tls=tls), release.project.name, release.number, release.bundle.commit, hosts)


def urls(zoomdb: Zoomdb, *, tls: bool = False) -> dict[int, str]:
    """Return the URL of each release that has one: the current release of a project, and those with names of their own."""
    with zoomdb.session() as session:
        current = {
            row.id: row.current_release_id for row in session.execute(select(Project.id, Project.current_release_id))
        }
        found: dict[int, list[tuple[VirtualHost, int | None]]] = {}
        for host, port in _shown(session):
            release = host.release_id or current[host.project_id]
            if release is not None:
                found.setdefault(release, []).append((host, port))
        return {release: _url(rows, tls=tls) for release, rows in found.items()}


def _shown(session: Session, *wanted: ColumnElement[bool]) -> list[tuple[VirtualHost, int | None]]:
    """Return host names with the port on which one proxy shows each, in the order in which the names were given."""
    query = (
        select(VirtualHost, SitePort.port)
        .outerjoin(SitePort, SitePort.virtual_host_id == VirtualHost.id)
        .where(*wanted)
        .order_by(VirtualHost.id, SitePort.id)
    )
    return [(host, port) for host, port in session.execute(query)]


def _url(rows: Sequence[tuple[VirtualHost, int | None]], *, tls: bool) -> str:
    """Return the URL of the first port, or else of the newest name; a name that follows what is published comes first."""
    rows = [row for row in rows if row[0].release_id is None] or rows
    port = next((port for _, port in rows if port), None)
    return f"http://127.0.0.1:{port}/" if port else f"{'https' if tls else 'http'}://{rows[-1][0].name}/"
