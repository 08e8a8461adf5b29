"""Ends launches whose form nobody answers, or whose run somebody ended in Prefect."""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from dz import wiring
from dz.errors import FailureRecord
from dz.tasklib import jobs, launches
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobState


def end_unanswered() -> None:
    """Compare every launch that waits with its flow run, and end those for which no answer can come any more."""
    zoomdb = wiring.zoomdb()
    found = launches.waiting(zoomdb)
    if not found:
        return
    with get_client(sync_client=True) as client:
        for job, run_id, overdue in found:
            run = _run(client, run_id)
            if run is None or run.state is None or run.state.is_final():
                _end(zoomdb, job, run)
            elif overdue and run.state.is_paused():
                _expire(client, zoomdb, job, run)


def _run(client: SyncPrefectClient, run_id: str) -> FlowRun | None:
    try:
        return client.read_flow_run(UUID(run_id))
    except (ObjectNotFound, ValueError):
        return None


def _expire(client: SyncPrefectClient, zoomdb: Zoomdb, job: int, run: FlowRun) -> None:
    """Cancel the run, which no worker holds; an answer that came a moment before wins."""
    message = "Nobody answered the form in time; nothing was built."
    client.set_flow_run_state(run.id, Cancelled(name="Expired", message=message))
    now = client.read_flow_run(run.id).state
    if now and now.is_final():
        launches.expire(zoomdb, job)


def _end(zoomdb: Zoomdb, job: int, run: FlowRun | None) -> None:
    state = run.state if run else None
    failure = FailureRecord(
        "LaunchCancelled",
        f"The run that waited for this launch's form {_how(state.name if state else None)}; nothing was built.",
        "Launch the site again.",
    )
    jobs.give_up(zoomdb, job, JobState.FAILED, failure)


def _how(state: str | None) -> str:
    return f"was ended in Prefect ({state})" if state else "was deleted in Prefect"
