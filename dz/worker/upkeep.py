"""The upkeep of a server: heartbeats, repair after it was away, and removal of what nobody needs."""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dz import wiring
from dz.adapters.walls import cgroups
from dz.errors import going_on
from dz.settings import Role, settings
from dz.tasklib import databases, retention
from dz.tasklib.appservers import boot, hostnames, install, instance, reconcile
from dz.tasklib.jobs import endings
from dz.tasklib.proxies import updates
from dz.tasklib.servers import heartbeats
from dz.tasklib.virtualenvs.virtualenvs import platform_name

logger = logging.getLogger("dz")


def beat(role: Role, server: str, told: Mapping[str, object] | None = None) -> set[int]:
    """Send a heartbeat of a server; an appserver's says how many app instances run.

    Args:
        told: what its worker tells of itself.

    Returns the app instances that its supervisord has given up.
    """
    here = settings()
    count, given_up = reconcile.given_up(wiring.supervisor(server)) if role == "appserver" else (0, set[int]())
    load = heartbeats.measure(wiring.server_dir(role, server), count)
    facts: dict[str, object] = {**(told or {}), **({"app_ports": here.app_ports} if role == "appserver" else {})}
    if role in ("build", "appserver"):
        facts |= _pythons()
    heartbeats.beat(
        wiring.zoomdb(), server, role=role, address=here.address, capacity=here.capacity, load=load, facts=facts
    )
    return given_up


def _pythons() -> dict[str, object]:
    """Return what placement and people must know about the Pythons of a server."""
    found = wiring.pythons()
    return {
        "pythons": [one.full for one in found.own],
        "fetched_pythons": {one.source.sha256: one.full for one in found.fetched() if one.source},
        "fetches_pythons": settings().python_downloads == "automatic",
        "platform": platform_name(),
    }


def repair(role: Role, server: str) -> None:
    """Bring the app instances or virtual hosts of a server in line with zoomdb, and end jobs whose run has died."""
    with going_on(logger, f"removal of containers whose launcher has died on {server}"):
        wiring.remove_stray_containers()
    with going_on(logger, f"repair of {server}"):
        if role == "appserver":
            _repair_appserver(server)
        if role == "proxy":
            _repair_proxy(server)
        if role == "database":
            databases.limit_roles(wiring.zoomdb(), server=wiring.postgres(), server_name=server)
    endings.reap(wiring.zoomdb())


def _repair_appserver(server: str) -> None:
    folder, restart = wiring.server_dir("appserver", server), functools.partial(_restart, server)
    with going_on(logger, f"repair of the app instances of {server}"):
        reconcile.reconcile(wiring.zoomdb(), wiring.supervisor(server), server, folder=folder, restart=restart)
    hostnames.write(wiring.zoomdb(), server, folder=folder, local_names=wiring.local_names())


def _restart(server: str, deployment: int) -> None:
    found = wiring.app_instance(instance.release_of(wiring.zoomdb(), deployment), server)
    # What it runs from may be broken or gone.
    install.install(found, store=wiring.bundle_store(), pythons=wiring.pythons(), renew=True)
    wiring.configure(found)
    boot.boot(found, supervisor=wiring.supervisor(server))


def _repair_proxy(server: str) -> None:
    nginx = wiring.nginx(server)
    nginx.write_main(moves=False)
    updates.show_all(
        wiring.zoomdb(),
        lambda project: wiring.show_on_proxy(project, None, server),
        server_name=server,
        nginx=nginx,
        static_folder=wiring.server_dir("proxy", server) / "static",
    )


def clean(role: Role, server: str) -> None:
    """Remove what no kept version needs from a server, and from the bundle store."""
    here, folder, zoomdb = settings(), wiring.server_dir(role, server), wiring.zoomdb()
    steps: list[Callable[[], Sequence[Path | str]]] = []
    if role == "appserver":
        steps.append(lambda: retention.clean_appserver(zoomdb, server, folder=folder))
    elif role == "proxy":
        steps.append(lambda: retention.clean_proxy(zoomdb, folder=folder, versions_kept=here.versions_kept))
        steps.append(lambda: wiring.nginx(server).rotate_logs(here.proxy_log_mb * 1024**2))
    elif role == "build":
        steps.append(lambda: retention.clean_store(zoomdb, wiring.bundle_store(), bundles_kept=here.bundles_kept))
        steps.append(lambda: retention.clean_build(zoomdb, folder=folder))
        steps.append(lambda: retention.clean_rows(zoomdb))
        steps.append(lambda: retention.clean_caches(zoomdb, folder=folder, most_mb=here.cache_mb))
        steps.append(lambda: _clean_jobs(here.jobs_kept_days))
    if role in ("build", "appserver"):
        steps.append(lambda: retention.clean_pythons(zoomdb, folder=here.pythons_folder))
    steps.append(lambda: cgroups.sweep(wiring.control_groups()))
    removed: list[Path | str] = []
    for step in steps:
        with going_on(logger, f"cleaning of {server}"):
            removed += step()
    if removed:
        logger.info("Removed, since nothing needs it any more: %s.", ", ".join(str(one) for one in removed[:20]))


def _clean_jobs(jobs_kept_days: int) -> list[str]:
    count = retention.clean_jobs(wiring.zoomdb(), jobs_kept_days=jobs_kept_days)
    return [f"{count} rows of jobs"] if count else []
