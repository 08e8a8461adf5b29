"""Tells whoever waits for a flow run that it has ended, before its process exits."""

from typing import Any, TypeVar

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from dz import wiring
from dz.tasklib.messages import wakeups

F = TypeVar("F", bound=Flow[..., Any])


def tells_its_end(flow: F) -> F:
    """Have each run of a flow tell whoever waits for it, as soon as Prefect has stored the state that it ends in.

    A cancelled run does not: its worker tells them, once the process is gone.
    """
    for ending in (flow.on_completion, flow.on_failure, flow.on_crashed):
        ending(tell_parent)
    return flow


def tell_parent(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send the message that `on_server` waits for; nobody waits for a run without a Prefect deployment."""
    if flow_run.deployment_id:
        wakeups.run_ended(wiring.zoomdb(), str(flow_run.id), well=state.is_completed())
