"""Host names: which project owns one, and which version it shows."""

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from dz import names
from dz.errors import HostTaken, InvalidName
from dz.tasklib import projects
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import SitePort, VirtualHost


def platform_host(zoomdb: Zoomdb, project_id: int, *, domain: str) -> str:
    """Return the host name that every project has below the platform's domain."""
    return f"{projects.get(zoomdb, project_id).name}.{domain}"


def of_project(zoomdb: Zoomdb, project_id: int, *, domain: str) -> list[str]:
    """Return the host names of a project, that below the platform's domain first, which a first deploy gives it."""
    with zoomdb.session() as session:
        query = select(VirtualHost.name).where(VirtualHost.project_id == project_id).order_by(VirtualHost.id)
        known = list(session.scalars(query))
    return list(dict.fromkeys([platform_host(zoomdb, project_id, domain=domain), *known]))


def claim_host(
    zoomdb: Zoomdb, project_id: int, name: str, *, release_id: int | None = None, reserved: Collection[str] = ()
) -> str:
    """Give a project a host name, or change which version it shows; return the name as nginx knows it.

    Args:
        release_id: the release that the name always shows; None: the current one.
        reserved: the platform's own names, which no project gets.

    Raises:
        InvalidName: the name is not a host name.
        HostTaken: the name belongs to another project or to the platform.
    """
    host = names.hostname(name)
    if host in reserved:
        raise _taken(host)
    try:
        _claim(zoomdb, project_id, host, release_id)
    except IntegrityError:
        # Another claim won the race: its row now says whose name it is.
        _claim(zoomdb, project_id, host, release_id)
    return host


def refuse_taken(zoomdb: Zoomdb, project_id: int, name: str) -> None:
    """Raise HostTaken if a host name belongs to another project."""
    host = names.hostname(name)
    with zoomdb.session() as session:
        owner = session.scalar(select(VirtualHost.project_id).where(VirtualHost.name == host))
    if owner not in (None, project_id):
        raise _taken(host)


def refuse_platform_name(name: str, *, domain: str, own: str) -> None:
    """Raise HostTaken for a host name below the platform's domain that is not below the project's own.

    Args:
        domain: every project has a host name below it.
        own: the project's.
    """
    host = names.hostname(name)
    if host.endswith(f".{domain}") and not host.endswith(f".{own}"):
        raise HostTaken(
            f"The host name {host} belongs to the platform.",
            f"Choose one of your own domain, or one that ends in .{own}.",
        )


def release_host(zoomdb: Zoomdb, project_id: int, name: str) -> None:
    """Take a host name away from a project; raises InvalidName if it is not the project's."""
    host = names.hostname(name)
    with zoomdb.session() as session:
        row = session.scalar(select(VirtualHost).where(VirtualHost.name == host, VirtualHost.project_id == project_id))
        if row is None:
            raise InvalidName(f"{host} is not a host name of this project.", "See the project's host names.")
        session.execute(delete(SitePort).where(SitePort.virtual_host_id == row.id))
        session.delete(row)


def _claim(zoomdb: Zoomdb, project_id: int, host: str, release_id: int | None) -> None:
    with zoomdb.session() as session:
        row = session.scalar(select(VirtualHost).where(VirtualHost.name == host).with_for_update())
        if row is None:
            row = VirtualHost(project_id=project_id, name=host)
            session.add(row)
        if row.project_id != project_id:
            raise _taken(host)
        row.release_id = release_id


def _taken(host: str) -> HostTaken:
    return HostTaken(f"The host name {host} belongs to another project or to the platform.", "Choose another one.")
