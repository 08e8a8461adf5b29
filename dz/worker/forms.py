"""Ends launches whose form nobody answers, or whose run somebody ended in Prefect."""

import logging
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from dz import wiring
from dz.errors import LaunchCancelled, going_on
from dz.tasklib.jobs import endings
from dz.tasklib.launches import launches
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobState

logger = logging.getLogger("dz.worker")


def end_unanswered() -> None:
    """Compare every waiting launch with its flow run, and end those that can no longer be answered."""
    zoomdb = wiring.zoomdb()
    found = launches.waiting(zoomdb)
    if not found:
        return
    with get_client(sync_client=True) as client:
        for job, run, overdue in found:
            with going_on(logger, f"watching over the form of job {job}"):
                _compare(client, zoomdb, job, run, overdue=overdue)


def _compare(client: SyncPrefectClient, zoomdb: Zoomdb, job: int, run: str, *, overdue: bool) -> None:
    state = _state(client, run)
    if overdue and state and state.is_paused():
        state = _expired(client, run)
    if overdue and (state is None or state.is_final()):
        launches.expire(zoomdb, job)
    elif state is None or state.is_final():
        _end(zoomdb, job, state)


def _state(client: SyncPrefectClient, run: str) -> State[Any] | None:
    try:
        return client.read_flow_run(UUID(run)).state
    except (ObjectNotFound, ValueError):
        return None


def _expired(client: SyncPrefectClient, run: str) -> State[Any] | None:
    """Cancel a suspended run, and return its state after that: an answer that came a moment before wins."""
    message = "Nobody answered the form in time; nothing was built."
    client.set_flow_run_state(UUID(run), Cancelled(name="Expired", message=message))
    return _state(client, run)


def _end(zoomdb: Zoomdb, job: int, state: State[Any] | None) -> None:
    how = f"was ended in Prefect ({state.name})" if state else "was deleted in Prefect"
    failure = LaunchCancelled(
        f"The run that waited for this launch's form {how}; nothing was built.",
        "Launch the site again.",
    )
    endings.end(zoomdb, job, JobState.FAILED, failure.record())
