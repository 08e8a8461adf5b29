"""Repairs an appserver: makes what runs there match what zoomdb says."""

import logging
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from dz.adapters.supervisor import Supervisor
from dz.errors import going_on
from dz.tasklib.appservers import stop
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Server
from dz.zoomdb.states import LIVE, SHOWN, DeploymentState

_DEAD = {"FATAL", "EXITED", "STOPPED"}
"""States of a program that supervisord starts no more by itself."""
logger = logging.getLogger("dz.appservers")


def reconcile(
    zoomdb: Zoomdb, supervisor: Supervisor, server_name: str, *, folder: Path, restart: Callable[[int], None]
) -> None:
    """Remove app instances without a live row, and restart those whose row is live but which are not running.

    An instance that cannot be repaired does not stop the repair of the others. One that is still starting belongs to a
    running deploy and is left alone.

    Args:
        folder: the appserver's.
        restart: installs and boots the deployment that has this id.
    """
    query = select(Deployment.id, Deployment.state).join(Server, Deployment.server_id == Server.id)
    known = _states(supervisor)
    with zoomdb.session() as session:
        found = session.execute(query.where(Server.name == server_name, Deployment.state.in_(LIVE)))
        live = {row.id: row.state for row in found}
    for deployment_id in known.keys() - live.keys():
        with going_on(logger, f"taking down app instance {deployment_id}"):
            stop.take_down(supervisor, deployment_id, folder=folder)
    for deployment_id, state in live.items():
        if state == DeploymentState.RETIRING:
            with going_on(logger, f"stopping app instance {deployment_id}"):
                stop.stop(zoomdb, supervisor, deployment_id, folder=folder)
    for deployment_id, state in live.items():
        with going_on(logger, f"repair of app instance {deployment_id}"):
            if state in SHOWN and known.get(deployment_id, "FATAL") in _DEAD:
                restart(deployment_id)


def running(supervisor: Supervisor) -> set[int]:
    """Return the deployments whose app instances supervisord knows."""
    return set(_states(supervisor))


def given_up(supervisor: Supervisor) -> tuple[int, set[int]]:
    """Return how many app instances supervisord knows, and the deployments of those that it starts no more."""
    states = _states(supervisor)
    return len(states), {deployment_id for deployment_id, state in states.items() if state in _DEAD}


def _states(supervisor: Supervisor) -> dict[int, str]:
    numbers = ((name.removeprefix("app-"), state) for name, state in supervisor.states().items())
    return {int(number): state for number, state in numbers if number.isdigit()}
