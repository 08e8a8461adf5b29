"""Takes app instances down, and records in zoomdb what became of them."""

import contextlib
from pathlib import Path

from dz.adapters import trees
from dz.adapters.supervisor import Supervisor
from dz.adapters.walls import cgroups, listeners
from dz.adapters.walls.confinement import Confinement
from dz.tasklib.appservers.instance import WALLS_FILE, own_folder, program_name
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import LIVE, DeploymentState


def stop(zoomdb: Zoomdb, supervisor: Supervisor, deployment_id: int, *, folder: Path) -> None:
    """Take a retiring app instance down, then free its port; a no-op if it is needed again by now.

    Args:
        folder: the appserver's.
    """
    with zoomdb.session() as session:
        row = session.get(Deployment, deployment_id)
        if row is None or row.state != DeploymentState.RETIRING:
            return
    take_down(supervisor, deployment_id, folder=folder)
    _set_state(zoomdb, deployment_id, DeploymentState.STOPPED)


def give_up(zoomdb: Zoomdb, supervisor: Supervisor, deployment_id: int, *, folder: Path) -> None:
    """Take down an app instance that never became healthy; leave any other as it is."""
    with zoomdb.session() as session:
        starting = session.get_one(Deployment, deployment_id).state == DeploymentState.STARTING
    if starting:
        fail(zoomdb, supervisor, deployment_id, folder=folder)


def fail(zoomdb: Zoomdb, supervisor: Supervisor, deployment_id: int, *, folder: Path) -> None:
    """Take down an unhealthy app instance and mark it as failed."""
    take_down(supervisor, deployment_id, folder=folder)
    _set_state(zoomdb, deployment_id, DeploymentState.FAILED)


def take_down(supervisor: Supervisor, deployment_id: int, *, folder: Path) -> None:
    """End the processes of an app instance and remove its files; the project's uploads stay."""
    program, own = program_name(deployment_id), own_folder(folder, deployment_id)
    listeners.release(supervisor.door, program)  # first: who comes from now on is refused at once, and asks another
    supervisor.remove(program)
    listeners.release(supervisor.door, program)  # it may have started again meanwhile
    with contextlib.suppress(FileNotFoundError):
        confined = Confinement.from_json((own / WALLS_FILE).read_text("utf-8"))
        if confined.group:
            cgroups.remove(confined.group)
    trees.discard_tree(own)


def _set_state(zoomdb: Zoomdb, deployment_id: int, state: DeploymentState) -> None:
    with zoomdb.session() as session:
        row = session.get(Deployment, deployment_id)
        if row is not None and row.state in LIVE:
            row.state = state
