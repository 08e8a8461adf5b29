"""Jobs around flows: a flow run begins and ends a job, or reports to the parent that waits for it."""

import contextlib
import time
from collections.abc import Iterator

from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from pydantic import BaseModel

from dz import wiring
from dz.errors import DeployInProgress
from dz.settings import Role, settings
from dz.tasklib.jobs import children, failures, jobs, turns
from dz.zoomdb.states import JobKind
from tasks import artifacts
from tasks.roles import refuse_other_server
from tasks.standby import dismiss

QUEUE_SECONDS = 3600.0
"""Seconds that a job waits for its turn."""
LOOK_SECONDS = 0.5
"""Seconds between two looks whether the turn has come."""


@contextlib.contextmanager
def running_job(kind: JobKind, request: BaseModel, job: int | None) -> Iterator[int]:
    """Run a flow as a job; one started from the Prefect UI or API opens its own."""
    zoomdb = wiring.zoomdb()
    job_id = pending_or_new(kind, request, job)
    run = str(flow_run.get_id())
    with jobs.running(zoomdb, job_id, run), children.at_work(zoomdb, job_id, run, server=wiring.server_name("build")):
        try:
            yield job_id
        finally:
            dismiss(job_id)
        artifacts.progress_ends(job_id)


def pending_or_new(kind: JobKind, request: BaseModel, job: int | None) -> int:
    """Return the job that a run executes: that which it was sent for, its own of before, or else one that it opens."""
    run = str(flow_run.get_id())
    return jobs.to_run(wiring.zoomdb(), run, job) or jobs.open_job(
        wiring.zoomdb(),
        kind,
        params=request.model_dump(mode="json"),
        requested_by=requested_by(),
        idempotency_key=f"run:{run}",
    )


def requested_by() -> str:
    """Say who started this run in Prefect: an automation, a schedule, or who has signed in to its UI or API."""
    context = FlowRunContext.get()
    creator = context.flow_run.created_by if context and context.flow_run else None
    if creator and creator.type and creator.display_value:
        return f"{creator.type.lower()}:{creator.display_value}"[:100]
    signed_in = settings().prefect_auth_string
    return f"prefect:{signed_in.get_secret_value().partition(':')[0]}"[:100] if signed_in else "prefect"


@contextlib.contextmanager
def child_of(job: int, role: Role, server: str | None = None, *, outlives_job: bool = False) -> Iterator[None]:
    """Run a subflow on the server that it is meant for, and let its error reach the parent that waits elsewhere.

    Args:
        outlives_job: run it even if the job has ended, because nobody waits for it or it stands by; else it is refused.
    """
    zoomdb, run = wiring.zoomdb(), str(flow_run.get_id())
    with failures.reported_to_parent(zoomdb, run):
        refuse_other_server(role, server=server)
        with children.at_work(zoomdb, job, run, server=server or wiring.server_name(role), outlives_job=outlives_job):
            yield


@contextlib.contextmanager
def only_deploy_of(job: int, project: int) -> Iterator[None]:
    """Let one job at a time change what a project serves; the others wait for their turn, and the newest deploy counts.

    Raises:
        Superseded, Cancelled: the job was ended while it waited.
        DeployInProgress: its turn has not come for very long.
    """
    deadline = time.monotonic() + QUEUE_SECONDS
    while place := turns.take(wiring.zoomdb(), job, project):
        if time.monotonic() > deadline:
            raise DeployInProgress(
                f"Job {place.behind} of this project has not ended for {QUEUE_SECONDS / 60:.0f} minutes.",
                f"Cancel it (`dz cancel {place.behind}`) or wait for its end, then try again.",
            )
        time.sleep(LOOK_SECONDS)
    yield
