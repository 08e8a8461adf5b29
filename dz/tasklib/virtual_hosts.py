"""Host names of projects: who owns one, which version it shows, and from which app instances."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, delete, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dz import names
from dz.errors import HostTaken, InvalidName, PortTaken
from dz.tasklib.proxies import SiteConfig, Upstream, Vhost
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Bundle, Deployment, Project, Release, Server, SitePort, VirtualHost
from dz.zoomdb.states import SHOWN


def claim_host(
    zoomdb: Zoomdb, project_id: int, name: str, *, release_id: int | None = None, reserved: Collection[str] = ()
) -> str:
    """Give a project a host name, or change which version it shows; return the name as nginx knows it.

    Args:
        release_id: the release that the name always shows; None: the current one.
        reserved: names of the platform that no project gets.

    Raises:
        InvalidName: it is no host name.
        HostTaken: it belongs to another project or to the platform.
    """
    host = names.hostname(name)
    if host in reserved:
        raise _taken(host)
    try:
        _claim(zoomdb, project_id, host, release_id)
    except IntegrityError:
        # Somebody claimed it a moment ago: now the row tells who.
        _claim(zoomdb, project_id, host, release_id)
    return host


def refuse_taken(zoomdb: Zoomdb, project_id: int, name: str) -> None:
    """Raise HostTaken if a host name belongs to another project."""
    host = names.hostname(name)
    with zoomdb.session() as session:
        owner = session.scalar(select(VirtualHost.project_id).where(VirtualHost.name == host))
    if owner not in (None, project_id):
        raise _taken(host)


def release_host(zoomdb: Zoomdb, project_id: int, name: str) -> None:
    """Take a host name away from a project; raises InvalidName if it is not the project's."""
    host = names.hostname(name)
    with zoomdb.session() as session:
        row = session.scalar(select(VirtualHost).where(VirtualHost.name == host, VirtualHost.project_id == project_id))
        if row is None:
            raise InvalidName(f"{host} is not a host name of this project.", "See the project's host names.")
        session.execute(delete(SitePort).where(SitePort.virtual_host_id == row.id))
        session.delete(row)


def reserve_site_ports(
    zoomdb: Zoomdb,
    project_id: int,
    server_name: str,
    port_range: tuple[int, int],
    *,
    usable: Callable[[int], bool] = lambda port: True,
) -> None:
    """Reserve a port on 127.0.0.1 of a proxy for each host of a project that has none.

    Args:
        port_range: first and last port.
        usable: asked before a new port is reserved, e.g. `dz.adapters.nginx.can_listen`.

    Raises:
        PortTaken: the range is used up.
    """
    with zoomdb.session() as session:
        query = select(VirtualHost.id).where(VirtualHost.project_id == project_id).order_by(VirtualHost.id)
        hosts = list(session.scalars(query))
    for host_id in hosts:
        while not _reserve(zoomdb, host_id, server_name, port_range, usable):
            pass


def vhosts_of(zoomdb: Zoomdb, project_id: int, server_name: str, candidate_release_id: int | None = None) -> SiteConfig:
    """Return what a proxy shall show of a project.

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
    """Return what a proxy shall show of every published project, in as many queries as for one."""
    with zoomdb.session() as session:
        return _sites(session, server_name, Project.current_release_id, Project.current_release_id.is_not(None))


def _sites(
    session: Session, server_name: str, shown: SQLColumnExpression[Any], wanted: ColumnElement[bool]
) -> dict[int, SiteConfig]:
    """Return what a proxy shall show of the projects whose hosts are `wanted`.

    Args:
        shown: the release that a host without one of its own shows.
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
        vhost = _vhost(project, host, number, manifest, upstreams.get(release, ()), port)
        sysids[project.id] = project.sysid
        # A version of its own name that does not run any more must not keep the current one from users.
        sites.setdefault(project.id, []).extend([vhost] if vhost.upstreams or vhost.default else [])
    return {project_id: SiteConfig(sysids[project_id], tuple(vhosts)) for project_id, vhosts in sites.items()}


def _vhost(
    project: Project,
    host: VirtualHost,
    version: int,
    manifest: dict[str, Any],
    upstreams: tuple[Upstream, ...],
    port: int | None,
) -> Vhost:
    static = next((layer for layer in manifest.get("layers", []) if layer["kind"] == "static"), None)
    return Vhost(
        name=host.name,
        site_port=port,
        project=project.name,
        version=version,
        upstreams=upstreams,
        static_sha256=static["sha256"] if static else None,
        static_size=static["size"] if static else 0,
        static_map=tuple((url, folder) for url, folder in manifest.get("static_map", [])),
        default=host.release_id is None,
        health_path=manifest.get("plan", {}).get("health_path", "/"),
    )


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


def _site_port(host_id: int, server_name: str) -> Select[int]:
    query = select(SitePort.port).join(Server, SitePort.server_id == Server.id)
    return query.where(SitePort.virtual_host_id == host_id, Server.name == server_name)


def _claim(zoomdb: Zoomdb, project_id: int, host: str, release_id: int | None) -> None:
    with zoomdb.session() as session:
        row = session.scalar(select(VirtualHost).where(VirtualHost.name == host).with_for_update())
        if row is None:
            row = VirtualHost(project_id=project_id, name=host)
            session.add(row)
        if row.project_id != project_id:
            raise _taken(host)
        row.release_id = release_id


def _reserve(
    zoomdb: Zoomdb, host_id: int, server_name: str, port_range: tuple[int, int], usable: Callable[[int], bool]
) -> bool:
    """Reserve a port for a host unless it has one; False: somebody else was faster, try again."""
    try:
        with zoomdb.session() as session:
            if session.scalar(_site_port(host_id, server_name)) is not None:
                return True
            server_id = session.scalars(select(Server.id).where(Server.name == server_name)).one()
            used = set(session.scalars(select(SitePort.port).where(SitePort.server_id == server_id)))
            free = (port for port in range(port_range[0], port_range[1] + 1) if port not in used and usable(port))
            port = next(free, None)
            if port is None:
                raise PortTaken(
                    f"All ports of {port_range[0]} to {port_range[1]} for sites on {server_name} are in use.",
                    "Give a wider range in DZ_SITE_PORTS, or remove host names that nobody needs.",
                )
            session.add(SitePort(server_id=server_id, virtual_host_id=host_id, port=port))
    except IntegrityError:
        return False
    return True


def _taken(host: str) -> HostTaken:
    return HostTaken(f"The host name {host} belongs to another project or to the platform.", "Choose another one.")
