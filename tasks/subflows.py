"""Runs a subflow on a server of another role, or on several in parallel."""

import logging
from collections.abc import Iterable
from typing import Any

import httpx
from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun
from prefect.futures import wait

from dz import wiring
from dz.errors import NoServerOfRole, ServerLost
from dz.settings import Role, settings
from dz.tasklib.jobs import children
from dz.tasklib.messages import standby
from dz.tasklib.servers import servers
from tasks import flow_runs
from tasks.policy import settle
from tasks.roles import refuse_other_server
from tasks.standby import told

ATTEMPTS = 2
"""How often work is sent to a server that is alive, but whose process dies."""
logger = logging.getLogger("dz.subflows")


@task(
    name="on server",
    task_run_name=flow_runs.name,  # type: ignore[arg-type]  # a function has no classmethod, which Prefect's protocol names
    tags=["role:build"],
    persist_result=False,
    cache_policy=NO_CACHE,
)
def on_server(
    flow: Flow[..., Any], role: Role, server: str | None = None, *, elsewhere: bool = False, **ids: Any
) -> None:
    """Run `flow` on a server of `role` and wait for its end; raises the error that the flow raised there.

    Args:
        flow: a flow with a Prefect deployment `<name>/<name>` on the pool of `role`.
        role: the role whose work pool runs it.
        server: the server that must run it, through its own work queue; None means any of the role.
        elsewhere: whoever calls tries another server if this one is lost; else it is tried here once more.
        ids: the flow's parameters; ids only, never secrets or objects.
    """
    refuse_other_server("build")
    parameters = ids if server is None else {**ids, "server": server}
    if settings().local_mode:
        _run_here(flow, parameters, server or role)
        return None
    servers.refuse_silent_role(wiring.zoomdb(), role, server)
    with flow_runs.prefect_answers():
        run = told(flow, server, ids)
        if run:
            try:
                return _wait(run, role, server, ids["job"])
            except ServerLost:
                # One that died before it took what it was told has begun nothing.
                if not standby.never_heard(wiring.zoomdb(), str(run.id)) and elsewhere:
                    raise
        for attempt in range(1, ATTEMPTS + 1):
            run = flow_runs.send(flow, parameters, server, as_subflow=True, where=server or role)
            try:
                return _wait(run, role, server, ids["job"])
            except ServerLost:
                servers.refuse_silent_role(wiring.zoomdb(), role, server)
                if attempt == ATTEMPTS or elsewhere:
                    raise
    return None


def _wait(run: FlowRun, role: Role, server: str | None, job: int) -> None:
    """Wait for the end of a run; raise its error, or ServerLost if it died or will never end."""
    try:
        state = flow_runs.end_of(run, server=server)
    except ServerLost:
        children.give_up(wiring.zoomdb(), job, str(run.id), server or role)
        flow_runs.crashed(run)
        raise
    if state is None or not state.is_completed():
        where, name = server or role, (state.name if state else None) or "unknown"
        raise servers.error_of_child(wiring.zoomdb(), str(run.id), where=where, state=name)


def on_servers(flow: Flow[..., Any], role: Role, names: Iterable[str], **ids: Any) -> None:
    """Run `flow` on several servers in parallel; all have ended before the first failure is raised, see `on_server`."""
    settle(*[on_server.submit(flow, role, name, **ids) for name in names])


def lost_of(flow: Flow[..., Any], role: Role, names: Iterable[str], **ids: Any) -> list[str]:
    """Run `flow` on several servers in parallel, and return those that were lost; any other failure is raised."""
    branches = {name: on_server.submit(flow, role, name, elsewhere=True, **ids) for name in names}
    wait(list(branches.values()))
    lost = []
    for name, branch in branches.items():
        try:
            branch.result()
        except (ServerLost, NoServerOfRole):
            lost.append(name)
    return lost


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
