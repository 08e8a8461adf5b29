"""Where people find a site: its URL and host names."""

from dataclasses import dataclass

from sqlalchemy import select

from dz.tasklib.jobs.results import JobResult
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Release, SitePort, VirtualHost


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


def of_release(zoomdb: Zoomdb, release_id: int) -> Site:
    """Return where a release is shown; in a local stack, on a port of 127.0.0.1 that needs no entry in a hosts file."""
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        hosts = list(
            session.scalars(
                select(VirtualHost)
                .where(VirtualHost.project_id == release.project_id, VirtualHost.release_id.is_(None))
                .order_by(VirtualHost.id)
            )
        )
        port = session.scalar(
            select(SitePort.port)
            .where(SitePort.virtual_host_id.in_([host.id for host in hosts]))
            .order_by(SitePort.id)
            .limit(1)
        )
        url = f"http://127.0.0.1:{port}/" if port else f"http://{hosts[-1].name}/"
        return Site(
            url, release.project.name, release.number, release.bundle.commit, tuple(host.name for host in hosts)
        )
