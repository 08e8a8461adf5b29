"""How flow runs end: with an error's own words, and with a message to whoever waits for them."""

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow, states
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_run_logger

from dz import wiring
from dz.errors import REMEDY, Cancelled, DzError, Superseded, Unexpected
from dz.tasklib.messages import wakeups

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Flow[..., Any])


def tells_its_end(flow: F) -> F:
    """Have each run of a flow tell whoever waits for it, as soon as Prefect has stored the state that it ends in.

    A cancelled run does not: its worker tells them, once the process is gone.
    """
    for ending in (flow.on_completion, flow.on_failure, flow.on_crashed):
        ending(tell_parent)
    flow.fn = ends_plainly(flow.fn)
    return flow


def tell_parent(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send the message that `on_server` waits for; nobody waits for a run without a Prefect deployment."""
    if flow_run.deployment_id:
        wakeups.run_ended(wiring.zoomdb(), str(flow_run.id), well=state.is_completed())


def ends_plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Have a flow run fail with the text of an error that is meant for a person, as its state's message and in its log.

    Prefect would put its own words before the text, and a traceback below it. Who calls the flow gets the error itself.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except DzError as error:
            if not _is_plain(error):
                raise
            get_run_logger().error("%s", error)
            if isinstance(error, Cancelled | Superseded):
                return cast("R", states.Cancelled(name=error.code, message=error.found, data=error))
            return cast("R", states.Failed(message=str(error), data=error))

    return run


def _is_plain(error: object) -> bool:
    """Say whether an error is all that a person needs; of one that nobody foresaw, the traceback is wanted, too."""
    return isinstance(error, DzError) and not isinstance(error, Unexpected)


class _Plain(logging.Filter):
    """Leaves out of Prefect's log what its engines add to an error whose text the flow logs itself, and a warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and _is_plain(record.exc_info[1]):
            return False
        said = record.getMessage()
        if said.startswith("Finished in state Failed(") and REMEDY in said:
            record.msg, record.args = said.partition("(")[0], ()
        # Each submitted task would bring this warning. What a step starts has time limits of its own.
        return not (said.startswith("Timeout of") and "running in a worker thread" in said)


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_Plain())
