"""Makes one proxy show what zoomdb says it should show."""

import logging
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, update

from dz.adapters.nginx import Nginx
from dz.adapters.ports import is_free
from dz.errors import DzError, going_on
from dz.tasklib.jobs import turns
from dz.tasklib.messages import observations
from dz.tasklib.proxies import config, ports, publish, vhosts
from dz.tasklib.proxies.config import SiteConfig
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Project, Server

logger = logging.getLogger("dz.proxies")


def show(
    zoomdb: Zoomdb,
    project_id: int,
    release_id: int | None,
    *,
    server_name: str,
    nginx: Nginx,
    site_ports: tuple[int, int] | None,
    static_fetch: Callable[[str, int], Path],
    allowed: Callable[[], bool] = lambda: True,
) -> None:
    """Make a proxy show a release of a project, or take the site away if there is nothing to show.

    Args:
        release_id: the release being published; None: the current one.
        site_ports: local stacks: the range of ports on 127.0.0.1 that sites get.
        static_fetch: see `publish.publish`.
        allowed: asked once nobody else can write; False: leave all as it is. It raises what refuses stale work.
    """
    with zoomdb.session() as session:
        proxy = session.scalars(select(Server.id).where(Server.name == server_name)).one()
    # One writer of a proxy at a time, so that what is read from zoomdb still holds when it is written.
    with zoomdb.lock(locks.PROXY, proxy, seconds=120):
        if not allowed():
            return
        if site_ports:
            ports.reserve_site_ports(zoomdb, project_id, server_name, site_ports, usable=is_free)
        site = vhosts.vhosts_of(zoomdb, project_id, server_name, release_id)
        if site.vhosts:
            publish.publish(site, nginx=nginx, static_fetch=static_fetch)
        elif nginx.site(site.sysid) is not None:
            publish.remove(site.sysid, nginx=nginx)
        with zoomdb.session() as session:
            generation = nginx.generation()
            session.execute(update(Server).where(Server.name == server_name).values(generation=generation))
        observations.write(zoomdb, server_name, project_id, wrong="", upstreams=upstreams(site))


def upstreams(site: SiteConfig) -> list[str]:
    """Return where the app instances listen to which requests for a site are sent."""
    return sorted({f"{one.address}:{one.port}" for vhost in site.vhosts for one in vhost.upstreams})


def look(zoomdb: Zoomdb, project_id: int, *, server_name: str, nginx: Nginx, timeout: float = 5) -> None:
    """Store whether a proxy shows what it should of a project.

    Args:
        timeout: seconds that a page may take.
    """
    site = vhosts.vhosts_of(zoomdb, project_id, server_name)
    observations.write(zoomdb, server_name, project_id, wrong=publish.wrong(site, nginx=nginx, timeout=timeout))


def show_all(
    zoomdb: Zoomdb,
    show_one: Callable[[int], None],
    *,
    server_name: str,
    nginx: Nginx,
    static_folder: Path,
) -> None:
    """Make a proxy show every published project; one that cannot be shown does not stop the others.

    A project that is being deployed is left to its deploy. One that is shown already costs next to nothing.
    """
    loaded = nginx.generation() == nginx.wanted()
    sites = vhosts.all_vhosts(zoomdb, server_name)
    with zoomdb.session() as session:
        published = select(Project.id).where(Project.current_release_id.is_not(None)).order_by(Project.id)
        project_ids = list(session.scalars(published))
    for project_id in project_ids:
        with going_on(logger, f"showing project {project_id}"):
            if loaded and project_id in sites and _is_shown(sites[project_id], nginx, static_folder):
                continue
            if not turns.is_taken(zoomdb, project_id):
                show_one(project_id)


def _is_shown(site: SiteConfig, nginx: Nginx, static_folder: Path) -> bool:
    layers = {vhost.static_sha256 for vhost in site.vhosts if vhost.static_sha256}
    statics = {sha256: static_folder / sha256 for sha256 in layers}
    if not site.vhosts or not all(path.is_dir() for path in statics.values()):
        return False
    try:
        return nginx.site(site.sysid) == config.render(site, statics=statics)
    except DzError:
        return False
