"""Runs a subflow on a server of another role, which may have started already and stand by."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Completed

from dz import wiring
from dz.adapters.archive import Layer
from dz.errors import DzError, ServiceUnavailable
from dz.settings import Role, settings
from dz.tasklib.messages import standby, wakeups
from dz.tasklib.servers import servers
from tasks.roles import refuse_other_server

logger = logging.getLogger("dz.servers")
_standing: dict[tuple[int, str, str], PrefectFuture[FlowRun]] = {}
"""What sent a run to stand by, by job, flow and server."""
CHILD_TIMEOUT = 2400
"""Seconds that a parent waits for a child, its time in the queue included."""


def _name(parameters: dict[str, Any]) -> str:
    """Name the run after the flow and where it goes."""
    return f"{parameters['flow'].name} on {parameters.get('server') or parameters['role']}"


@task(
    name="on server",
    task_run_name=_name,  # type: ignore[arg-type]  # a function has no classmethod, which Prefect's protocol names
    tags=["role:build"],
    persist_result=False,
    cache_policy=NO_CACHE,
)
def on_server(flow: Flow[..., Any], role: Role, server: str | None = None, **ids: Any) -> None:
    """Run `flow` on a server of `role` and wait for its end; raises the error that the flow raised there.

    Args:
        flow: a flow with a Prefect deployment `<name>/<name>` on the pool of `role`.
        role: the role whose work pool runs it.
        server: the server that must run it, through its own work queue; None means any of the role.
        ids: the flow's parameters; ids only, never secrets or objects.
    """
    refuse_other_server("build")
    parameters = ids if server is None else {**ids, "server": server}
    if settings().local_mode:
        flow(**parameters)
        return
    servers.refuse_silent_role(wiring.zoomdb(), role, server)
    with _prefect_answers():
        run = _told(flow, server, ids)
        state = _end_of(run) if run else None
        if run is None or (not _is_well(state) and standby.never_heard(wiring.zoomdb(), str(run.id))):
            run = _sent(flow, parameters, server, as_subflow=True)
            state = _end_of(run)
    _raise_failure(run, state, server or role)


@task(
    name="stand by",
    task_run_name=_name,  # type: ignore[arg-type]  # as above
    tags=["role:build"],
    persist_result=False,
    cache_policy=NO_CACHE,
)
def _send_to_stand_by(flow: Flow[..., Any], role: Role, server: str, **ids: Any) -> FlowRun:
    """Send a run of `flow` that waits on its server for a release."""
    return _sent(flow, {**ids, "server": server, "standby": True}, server, as_subflow=True)


def stand_by(flow: Flow[..., Any], role: Role, servers: list[str], *, job: int, **ids: Any) -> None:
    """Start runs of `flow` on servers that a release will likely need, in parallel with what comes before the release.

    `on_server` then tells such a run the release instead of sending another; what is not needed goes at the job's end.

    Args:
        flow: takes `standby`, and asks with `told_release` what it is told.
        role: the role of the servers.
        servers: their ids.
        job: the job that the runs belong to.
        ids: the flow's other parameters.
    """
    for server in servers if not settings().local_mode else ():
        _standing[job, flow.name, server] = _send_to_stand_by.submit(flow, role, server, job=job, **ids)


def told_release(prepare: Callable[[str, int], None] = lambda sha256, size: None) -> int | None:
    """Wait, in a run that stands by, for its release; None if it is not needed.

    Args:
        prepare: is given sha256 and size of an environment layer that the release will likely have.
    """

    def safely(sha256: str, size: int) -> None:
        with contextlib.suppress(DzError):  # what is wrong is said when the release is installed
            prepare(sha256, size)

    return standby.release_of(wiring.zoomdb(), str(flow_run.get_id()), prepare=safely)


def announce(job: int, layer: Layer) -> None:
    """Tell those who stand by for a job of a layer that they will likely need."""
    for sent in [sent for key, sent in _standing.items() if key[0] == job]:
        with contextlib.suppress(Exception):  # one that was never sent hears nothing
            standby.announce(wiring.zoomdb(), str(sent.result().id), layer)


def dismiss(job: int) -> None:
    """Send the runs home that stand by for a job and were not needed."""
    for key in [key for key in _standing if key[0] == job]:
        with contextlib.suppress(Exception):  # one that was never sent, or nobody hears: it goes by itself
            standby.tell(wiring.zoomdb(), str(_standing.pop(key).result().id), None)


def _told(flow: Flow[..., Any], server: str | None, ids: dict[str, Any]) -> FlowRun | None:
    """Tell the run that stands by on a server its release and return it; None if there is none."""
    sent = _standing.pop((ids["job"], flow.name, server or ""), None) if "release" in ids else None
    if sent is None:
        return None
    try:
        run = sent.result()
    except Exception:  # noqa: BLE001  it could not be sent: the task shows why
        return None
    return run if standby.tell(wiring.zoomdb(), str(run.id), ids["release"]) else None


def later_on_server(flow: Flow[..., Any], role: Role, server: str, **ids: Any) -> None:
    """Queue `flow` on a server without waiting for it; it is seen in Prefect as a run of its own."""
    parameters = {**ids, "server": server}
    if settings().local_mode:
        flow(**parameters)
        return
    try:
        _sent(flow, parameters, server, as_subflow=False)
    except httpx.HTTPError:
        # The job has reached its end; the instance is taken down by the server's own repair.
        logger.warning("%s could not be queued on %s: Prefect's server does not answer.", flow.name, server)


def _sent(flow: Flow[..., Any], parameters: dict[str, Any], server: str | None, *, as_subflow: bool) -> FlowRun:
    """Queue a run of `flow` and tell the workers of its pool."""
    run: FlowRun = run_deployment(  # type: ignore[assignment]  # a sync call returns the run itself
        f"{flow.name}/{flow.name}",
        parameters=parameters,
        work_queue_name=server,
        as_subflow=as_subflow,
        timeout=0,
    )
    wakeups.work_sent(wiring.zoomdb(), run.work_pool_name, run.work_queue_name, str(run.id))
    return run


def _end_of(run: FlowRun) -> State[Any] | None:
    """Wait until a run has ended, as Prefect's server says or has said to the run itself, and return its state."""
    told = settings().worker_type == "warm"
    state = run.state
    with get_client(sync_client=True) as client:
        for completed in wakeups.times_to_look(wiring.zoomdb(), str(run.id), seconds=CHILD_TIMEOUT, told=told):
            state = Completed() if completed else client.read_flow_run(run.id).state
            if state and state.is_final():
                return state
    return state


@contextlib.contextmanager
def _prefect_answers() -> Iterator[None]:
    """Name Prefect's server if it is the one that does not answer."""
    try:
        yield
    except httpx.HTTPError as error:
        raise ServiceUnavailable(
            f"Prefect's server does not answer ({type(error).__name__}).", "Start it again, then run the job again."
        ) from error


def _is_well(state: State[Any] | None) -> bool:
    return state is not None and state.is_completed()


def _raise_failure(run: FlowRun, state: State[Any] | None, where: str) -> None:
    if not _is_well(state):
        raise servers.error_of_child(
            wiring.zoomdb(), str(run.id), where=where, state=(state.name if state else None) or "unknown"
        )
