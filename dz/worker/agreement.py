"""Compares jobs with their flow runs in Prefect: what a person does to a run there, happens to its job."""

import logging
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State

from dz import wiring
from dz.errors import FailureRecord, TooLate, going_on
from dz.settings import settings
from dz.tasklib.jobs import endings, jobs
from dz.tasklib.jobs.jobs import UnderWay
from dz.zoomdb.states import JobState

SECONDS = 5.0
"""Seconds between two looks; a job is looked at once it is as old."""
UNSENT_SECONDS = 120.0
"""Age at which a job without a flow run counts as never sent."""
logger = logging.getLogger("dz.worker")


def agree() -> None:
    """End each job whose flow run was cancelled, paused or deleted in Prefect, or has died before its first line."""
    zoomdb = wiring.zoomdb()
    found = [job for job in jobs.under_way(zoomdb) if job.age > SECONDS and job.state != JobState.WAITING]
    states = _states([job.run for job in found if job.run])
    for job in found:
        with going_on(logger, f"comparing job {job.id} with its flow run"):
            if job.run is None and job.state == JobState.PENDING and job.age > UNSENT_SECONDS:
                endings.end(zoomdb, job.id, JobState.CRASHED, _never_begun("was never sent to a worker"))
            elif job.run:
                _compare(job, states.get(job.run))


def person() -> str:
    """Return who has signed in to Prefect; it does not tell who of several people that was."""
    signed_in = settings().prefect_auth_string
    return f"prefect:{signed_in.get_secret_value().partition(':')[0]}" if signed_in else "prefect"


def _compare(job: UnderWay, state: State[Any] | None) -> None:
    zoomdb = wiring.zoomdb()
    if how := _cancelled(state):
        now = jobs.get(zoomdb, job.id)
        if now and now.state == job.state:  # a launch may have begun to wait for its form, and be suspended for that
            try:
                endings.cancel(zoomdb, job.id, by=f"{person()}, where its flow run was {how}")
            except TooLate as error:
                logger.info("%s", error.found)
    elif state and state.is_final() and job.state == JobState.PENDING:
        why = f"ended as {state.name} before its first line"
        endings.end(zoomdb, job.id, JobState.CRASHED, _never_begun(why))


def _cancelled(state: State[Any] | None) -> str | None:
    if state is None:
        return "deleted"
    if state.is_paused():
        return "paused"
    return "cancelled" if state.is_cancelled() or state.is_cancelling() else None


def _never_begun(why: str) -> FailureRecord:
    return FailureRecord(
        "Crashed", f"The flow run of this job {why}; nothing was done.", "Run the job again; the run's log says more."
    )


def _states(runs: list[str]) -> dict[str, State[Any] | None]:
    """Return the states of flow runs; those that are unknown to Prefect are missing."""
    known: list[UUID] = []
    for run in runs:
        try:
            known.append(UUID(run))
        except ValueError:
            continue
    if not known:
        return {}
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=known)), limit=200)
    return {str(run.id): run.state for run in found}
