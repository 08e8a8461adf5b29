"""What a proxy should show of each project, according to zoomdb."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, literal, select
from sqlalchemy.orm import Session

from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.proxies.config import SiteConfig, Upstream, Vhost
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Bundle, Deployment, Project, Release, Server, SitePort, VirtualHost
from dz.zoomdb.states import SHOWN

LONGEST_SILENCE = 3600
"""Seconds for which a stream, or an answer without a time limit, may say nothing."""


def vhosts_of(zoomdb: Zoomdb, project_id: int, server_name: str, candidate_release_id: int | None = None) -> SiteConfig:
    """Return what a proxy should show of a project.

    Args:
        server_name: the proxy.
        candidate_release_id: the release being published; None: the current one.
    """
    shown = Project.current_release_id if candidate_release_id is None else literal(candidate_release_id)
    with zoomdb.session() as session:
        sysid = session.get_one(Project, project_id).sysid
        found = _sites(session, server_name, shown, VirtualHost.project_id == project_id)
        return found.get(project_id) or SiteConfig(sysid, ())


def all_vhosts(zoomdb: Zoomdb, server_name: str) -> dict[int, SiteConfig]:
    """Return what a proxy should show of every published project, in no more queries than for one."""
    with zoomdb.session() as session:
        return _sites(session, server_name, Project.current_release_id, Project.current_release_id.is_not(None))


def _sites(
    session: Session, server_name: str, shown: SQLColumnExpression[Any], wanted: ColumnElement[bool]
) -> dict[int, SiteConfig]:
    """Return what a proxy should show of the projects whose hosts are `wanted`.

    Args:
        shown: the release that a host shows unless it is tied to one.
    """
    release_id = func.coalesce(VirtualHost.release_id, shown)
    query = (
        select(VirtualHost, Project, Release.id, Release.number, Bundle.manifest, SitePort.port)
        .join(Project, VirtualHost.project_id == Project.id)
        .join(Release, Release.id == release_id)
        .join(Bundle, Release.bundle_id == Bundle.id)
        .outerjoin(Server, Server.name == server_name)
        .outerjoin(SitePort, (SitePort.virtual_host_id == VirtualHost.id) & (SitePort.server_id == Server.id))
        .where(wanted)
        .order_by(VirtualHost.name)
    )
    rows = list(session.execute(query))
    upstreams = _upstreams(session, release_id, wanted)
    sites: dict[int, list[Vhost]] = {}
    sysids: dict[int, str] = {}
    for host, project, release, number, manifest, port in rows:
        vhost = _vhost(project, host, number, Manifest.from_json(manifest), upstreams.get(release, ()), port)
        sysids[project.id] = project.sysid
        # A host tied to a version that has stopped must not keep the project's other hosts from being shown.
        sites.setdefault(project.id, []).extend([vhost] if vhost.upstreams or vhost.default else [])
    return {project_id: SiteConfig(sysids[project_id], tuple(vhosts)) for project_id, vhosts in sites.items()}


def _vhost(
    project: Project,
    host: VirtualHost,
    version: int,
    manifest: Manifest,
    upstreams: tuple[Upstream, ...],
    port: int | None,
) -> Vhost:
    static = manifest.layer("static")
    return Vhost(
        name=host.name,
        site_port=port,
        project=project.name,
        version=version,
        upstreams=upstreams,
        static_sha256=static.sha256 if static else None,
        static_size=static.size if static else 0,
        static_map=manifest.static_map,
        default=host.release_id is None,
        health_path=manifest.plan.health_path,
        silence=_silence(manifest),
        body_mb=manifest.plan.request_body_mb,
    )


def _silence(manifest: Manifest) -> int:
    """Return for how many seconds nginx waits for the next part of an answer: a little longer than gunicorn itself."""
    plan = manifest.plan
    return LONGEST_SILENCE if plan.streams or not plan.timeout else plan.timeout + 5


def _upstreams(
    session: Session, release_id: SQLColumnExpression[Any], wanted: ColumnElement[bool]
) -> dict[int, tuple[Upstream, ...]]:
    """Return the app instances of each release that a wanted host shows."""
    shown = (
        select(release_id).select_from(VirtualHost).join(Project, VirtualHost.project_id == Project.id).where(wanted)
    )
    query = (
        select(Deployment.release_id, Server.address, Deployment.port)
        .join(Server, Deployment.server_id == Server.id)
        .where(Deployment.release_id.in_(shown), Deployment.state.in_(SHOWN))
        .order_by(Deployment.release_id, Server.name)
    )
    found: dict[int, list[Upstream]] = {}
    for release, address, port in session.execute(query):
        found.setdefault(release, []).append(Upstream(address, port))
    return {release: tuple(upstreams) for release, upstreams in found.items()}
