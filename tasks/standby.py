"""Standby runs: they start before there is a release to deploy, and wait on their servers until they are told it."""

import contextlib
from collections.abc import Callable
from typing import Any

from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Completed

from dz import wiring
from dz.adapters.archive import Layer
from dz.errors import DzError
from dz.settings import Role, settings
from dz.tasklib.messages import standby
from tasks import flow_runs

_standing: dict[tuple[int, str, str], PrefectFuture[FlowRun]] = {}
"""The tasks that send standby runs, by job, flow and server."""


def _name(parameters: dict[str, Any]) -> str:
    return f"stand by: {flow_runs.name(parameters)}"


@task(
    name="stand by",
    task_run_name=_name,  # type: ignore[arg-type]  # a function has no classmethod, which Prefect's protocol names
    tags=["role:build"],
    persist_result=False,
    cache_policy=NO_CACHE,
)
def _send_to_stand_by(flow: Flow[..., Any], role: Role, server: str, **ids: Any) -> FlowRun:
    """Send a run of `flow` that waits on its server for a release."""
    return flow_runs.send(flow, {**ids, "server": server, "standby": True}, server, as_subflow=True, where=server)


def stand_by(flow: Flow[..., Any], role: Role, servers: list[str], *, job: int, **ids: Any) -> None:
    """Start runs of `flow` on servers that a release will likely need, in parallel with what comes before the release.

    `on_server` then tells such a run the release instead of sending another; the end of the job dismisses the rest.

    Args:
        flow: takes the parameter `standby`, and learns its release from `told_release`.
        role: the role of the servers.
        servers: their ids.
        job: the job that the runs belong to.
        ids: the flow's other parameters.
    """
    for server in servers if not settings().local_mode else ():
        _standing[job, flow.name, server] = _send_to_stand_by.submit(flow, role, server, job=job, **ids)


def told_release(prepare: Callable[[str, int], None] = lambda sha256, size: None) -> int | None:
    """Wait for the release of this standby run; None if the run is not needed.

    Args:
        prepare: is given sha256 and size of a virtualenv layer that the release will likely have.
    """

    def safely(sha256: str, size: int) -> None:
        with contextlib.suppress(DzError):  # the installation of the release reports what is wrong
            prepare(sha256, size)

    return standby.release_of(wiring.zoomdb(), str(flow_run.get_id()), prepare=safely)


def not_needed() -> State[None]:
    """Return the state of a standby run that ends without a release."""
    return Completed(name="Not needed", message="The version was not made, or another run did this work.")


def announce(job: int, layer: Layer) -> None:
    """Tell the standby runs of a job about a layer that they will likely need."""
    for sent in [sent for key, sent in _standing.items() if key[0] == job]:
        with contextlib.suppress(Exception):  # a run that was never sent cannot be told
            standby.announce(wiring.zoomdb(), str(sent.result().id), layer)


def dismiss(job: int) -> None:
    """Dismiss the standby runs of a job that were not needed."""
    for key in [key for key in _standing if key[0] == job]:
        with contextlib.suppress(Exception):  # a run that was never sent, or cannot be told: it gives up by itself
            standby.tell(wiring.zoomdb(), str(_standing.pop(key).result().id), None)


def told(flow: Flow[..., Any], server: str | None, ids: dict[str, Any]) -> FlowRun | None:
    """Tell the standby run on a server its release, and return the run; None if there is none."""
    sent = _standing.pop((ids["job"], flow.name, server or ""), None) if "release" in ids else None
    if sent is None:
        return None
    try:
        run = sent.result()
    except Exception:  # noqa: BLE001  it could not be sent: the task shows why
        return None
    return run if standby.tell(wiring.zoomdb(), str(run.id), ids["release"]) else None
