"""Runs a subflow on a server of another role, or on several in parallel."""

import logging
from collections.abc import Iterable
from typing import Any

import httpx
from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State

from dz import wiring
from dz.settings import Role, settings
from dz.tasklib.messages import standby
from dz.tasklib.servers import servers
from tasks import flow_runs
from tasks.policy import settle
from tasks.roles import refuse_other_server
from tasks.standby import told

logger = logging.getLogger("dz.subflows")


@task(
    name="on server",
    task_run_name=flow_runs.name,  # type: ignore[arg-type]  # a function has no classmethod, which Prefect's protocol names
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
        _run_here(flow, parameters, server or role)
        return
    servers.refuse_silent_role(wiring.zoomdb(), role, server)
    with flow_runs.prefect_answers():
        run = told(flow, server, ids)
        state = flow_runs.end_of(run) if run else None
        if run is None or (not _is_well(state) and standby.never_heard(wiring.zoomdb(), str(run.id))):
            run = flow_runs.send(flow, parameters, server, as_subflow=True, where=server or role)
            state = flow_runs.end_of(run)
    _raise_failure(run, state, server or role)


def on_servers(flow: Flow[..., Any], role: Role, names: Iterable[str], **ids: Any) -> None:
    """Run `flow` on several servers in parallel; all have ended before the first failure is raised, see `on_server`."""
    settle(*[on_server.submit(flow, role, name, **ids) for name in names])


def later_on_server(flow: Flow[..., Any], role: Role, server: str, **ids: Any) -> None:
    """Queue `flow` on a server without waiting for it; in Prefect it is a run without a parent."""
    parameters = {**ids, "server": server}
    if settings().local_mode:
        _run_here(flow, parameters, server)
        return
    try:
        flow_runs.send(flow, parameters, server, as_subflow=False, where=server)
    except httpx.HTTPError:
        # The job has reached its end, and the server's own repair takes the instance down.
        logger.warning("%s could not be queued on %s: Prefect's server does not answer.", flow.name, server)


def _run_here(flow: Flow[..., Any], parameters: dict[str, Any], where: str) -> None:
    flow.with_options(flow_run_name=flow_runs.title(parameters, where))(**parameters)


def _is_well(state: State[Any] | None) -> bool:
    return state is not None and state.is_completed()


def _raise_failure(run: FlowRun, state: State[Any] | None, where: str) -> None:
    if not _is_well(state):
        raise servers.error_of_child(
            wiring.zoomdb(), str(run.id), where=where, state=(state.name if state else None) or "unknown"
        )
