"""Sends runs of flows to their work pools, and waits for their ends."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.states import Completed, Crashed

from dz import wiring
from dz.errors import ServerLost, ServiceUnavailable
from dz.settings import settings
from dz.tasklib.jobs import children
from dz.tasklib.messages import wakeups
from dz.tasklib.releases import titles
from dz.tasklib.servers.servers import SILENT_AFTER

CHILD_TIMEOUT = 2400
"""Seconds that a parent waits for a child that is alive, its time in the queue included."""
OUTAGE_SECONDS = 120.0
"""Seconds without an answer of Prefect's server after which a parent no longer waits."""
LOST_REMEDY = "Look at the server (`dz status`, `dz servers`); then run the job again."


def name(parameters: dict[str, Any]) -> str:
    """Name the task that sends a flow run by its flow and the server or role that gets it."""
    return f"{parameters['flow'].name} on {parameters.get('server') or parameters['role']}"


def title(parameters: dict[str, Any], where: str) -> str:
    """Name a run on another server after what it is about: `polls v3 on proxy-1`.

    Who sends the run names it: a flow that names its own runs costs Prefect's server another request for each.

    Args:
        parameters: of the run; they hold the id of a release, of an app instance or of a project, or only a job.
        where: the server or role that gets it.
    """
    zoomdb = wiring.zoomdb()
    if release := parameters.get("release"):
        about = titles.of_release(zoomdb, release)
    elif deployment := parameters.get("deployment"):
        about = titles.of_deployment(zoomdb, deployment)
    elif parameters.get("standby"):
        about = titles.of_job(zoomdb, parameters["job"])
    elif project := parameters.get("project"):
        about = titles.of_project(zoomdb, project)
    elif job := parameters.get("job"):
        about = titles.project_of(zoomdb, job)
    else:
        return where  # it concerns no project
    return f"{about} on {where}"


def send(
    flow: Flow[..., Any], parameters: dict[str, Any], server: str | None, *, as_subflow: bool, where: str
) -> FlowRun:
    """Queue a run of `flow` and tell the workers of its pool.

    Args:
        flow: a flow with a Prefect deployment.
        parameters: its parameters; ids only.
        server: the server that must run it; None means any of its role.
        as_subflow: show it as a part of the run that sends it.
        where: the server or role, for the run's name.
    """
    run: FlowRun = run_deployment(  # type: ignore[assignment]  # a sync call returns the run itself
        f"{flow.name}/{flow.name}",
        parameters=parameters,
        flow_run_name=title(parameters, where),
        work_queue_name=server,
        as_subflow=as_subflow,
        timeout=0,
    )
    wakeups.work_sent(wiring.zoomdb(), run.work_pool_name, run.work_queue_name)
    return run


def end_of(run: FlowRun, *, server: str | None) -> State[Any] | None:
    """Wait until a run has ended, and return its state: as the run's own message says, or Prefect's server.

    Prefect's server may be away, or answer with errors, for a while: the run goes on meanwhile.

    Args:
        server: where it must run; None: on any of its role.

    Raises:
        ServerLost: it will never end, since its server or its process is gone.
    """
    told, zoomdb = settings().worker_type == "warm", wiring.zoomdb()
    state, answered = run.state, time.monotonic()
    with get_client(sync_client=True) as client:
        for completed in wakeups.times_to_look(zoomdb, str(run.id), seconds=CHILD_TIMEOUT, told=told):
            try:
                state = Completed() if completed else client.read_flow_run(run.id).state
                answered = time.monotonic()
            except httpx.HTTPError:
                if time.monotonic() - answered > OUTAGE_SECONDS:
                    raise
            if state and state.is_final():
                return state
            with contextlib.suppress(ServiceUnavailable):
                if why := children.lost(zoomdb, str(run.id), server, silent_after=SILENT_AFTER):
                    raise ServerLost(f"{why[0].upper()}{why[1:]}.", LOST_REMEDY)
    return state


def crashed(run: FlowRun) -> None:
    """Have Prefect show that a run was given up; best effort, since its process may do so itself."""
    with contextlib.suppress(Exception), get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Crashed(message="Its process or server was not heard of any more."))


@contextlib.contextmanager
def prefect_answers() -> Iterator[None]:
    """Raise ServiceUnavailable, which names Prefect's server, if that does not answer."""
    try:
        yield
    except httpx.HTTPError as error:
        raise ServiceUnavailable(
            f"Prefect's server does not answer ({type(error).__name__}).", "Start it again, then run the job again."
        ) from error
