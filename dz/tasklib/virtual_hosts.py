"""Host names of projects: who owns one, which version it shows, and from which app instances."""

from collections.abc import Callable, Collection

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dz import names
from dz.errors import HostTaken, InvalidName, PortTaken
from dz.tasklib.proxies import SiteConfig, Upstream, Vhost
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Project, Release, Server, SitePort, VirtualHost
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
    with zoomdb.session() as session:
        project = session.get_one(Project, project_id)
        shown = candidate_release_id or project.current_release_id
        rows = session.scalars(
            select(VirtualHost).where(VirtualHost.project_id == project_id).order_by(VirtualHost.name)
        )
        vhosts = []
        for row in rows:
            release_id = row.release_id or shown
            if release_id is not None:
                vhost = _vhost(session, project, row, session.get_one(Release, release_id), server_name)
                # A version of its own name that does not run any more must not keep the current one from users.
                vhosts += [vhost] if vhost.upstreams or vhost.default else []
        return SiteConfig(project.sysid, tuple(vhosts))


def _vhost(session: Session, project: Project, row: VirtualHost, release: Release, server_name: str) -> Vhost:
    manifest = release.bundle.manifest
    static = next((layer for layer in manifest.get("layers", []) if layer["kind"] == "static"), None)
    return Vhost(
        name=row.name,
        site_port=session.scalar(_site_port(row.id, server_name)),
        project=project.name,
        version=release.number,
        upstreams=_upstreams(session, release.id),
        static_sha256=static["sha256"] if static else None,
        static_size=static["size"] if static else 0,
        static_map=tuple((url, folder) for url, folder in manifest.get("static_map", [])),
        default=row.release_id is None,
        health_path=manifest.get("plan", {}).get("health_path", "/"),
    )


def _upstreams(session: Session, release_id: int) -> tuple[Upstream, ...]:
    query = select(Server.address, Deployment.port).join(Server, Deployment.server_id == Server.id)
    query = query.where(Deployment.release_id == release_id, Deployment.state.in_(SHOWN))
    return tuple(Upstream(address, port) for address, port in session.execute(query.order_by(Server.name)))


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
