"""The ports on 127.0.0.1 on which a local stack shows its host names, one each."""

from collections.abc import Callable

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from dz.errors import PortTaken
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Server, SitePort, VirtualHost


def reserve_site_ports(
    zoomdb: Zoomdb,
    project_id: int,
    server_name: str,
    port_range: tuple[int, int],
    *,
    usable: Callable[[int], bool] = lambda port: True,
) -> None:
    """For each host of a project that has none, reserve a port on a proxy's 127.0.0.1.

    Args:
        port_range: first and last port.
        usable: says whether a port can be used, e.g. `dz.adapters.ports.is_free`; asked before it is reserved.

    Raises:
        PortTaken: the range is used up.
    """
    with zoomdb.session() as session:
        query = select(VirtualHost.id).where(VirtualHost.project_id == project_id).order_by(VirtualHost.id)
        hosts = list(session.scalars(query))
    for host_id in hosts:
        while not _reserve(zoomdb, host_id, server_name, port_range, usable):
            pass


def _site_port(host_id: int, server_name: str) -> Select[int]:
    query = select(SitePort.port).join(Server, SitePort.server_id == Server.id)
    return query.where(SitePort.virtual_host_id == host_id, Server.name == server_name)


def _reserve(
    zoomdb: Zoomdb, host_id: int, server_name: str, port_range: tuple[int, int], usable: Callable[[int], bool]
) -> bool:
    """Reserve a port for a host unless it has one; return False if another process won the race: try again."""
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
