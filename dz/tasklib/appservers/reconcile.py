"""Repairs an appserver: makes what runs there match what zoomdb says."""

import logging
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from dz.adapters.supervisor import Supervisor
from dz.errors import going_on
from dz.tasklib.appservers import stop
from dz.tasklib.appservers.instance import program_name
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Server
from dz.zoomdb.states import LIVE, SHOWN, DeploymentState

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
    known = running(supervisor)
    with zoomdb.session() as session:
        found = session.execute(query.where(Server.name == server_name, Deployment.state.in_(LIVE)))
        live = {row.id: row.state for row in found}
    for deployment_id in known - live.keys():
        with going_on(logger, f"taking down app instance {deployment_id}"):
            stop.take_down(supervisor, deployment_id, folder=folder)
    for deployment_id, state in live.items():
        if state == DeploymentState.RETIRING:
            with going_on(logger, f"stopping app instance {deployment_id}"):
                stop.stop(zoomdb, supervisor, deployment_id, folder=folder)
    for deployment_id, state in live.items():
        with going_on(logger, f"repair of app instance {deployment_id}"):
            if state in SHOWN and (deployment_id not in known or _given_up(supervisor, deployment_id)):
                restart(deployment_id)


def running(supervisor: Supervisor) -> set[int]:
    """Return the deployments whose app instances supervisord knows."""
    numbers = (name.removeprefix("app-") for name in supervisor.names())
    return {int(number) for number in numbers if number.isdigit()}


def _given_up(supervisor: Supervisor, deployment_id: int) -> bool:
    """Say whether supervisord has given up on an instance."""
    return supervisor.state(program_name(deployment_id)) in {"FATAL", "EXITED", "STOPPED"}
