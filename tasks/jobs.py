"""Jobs around flows: a flow run begins and ends a job, or reports to the parent that waits for it."""

import contextlib
from collections.abc import Iterator

from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from pydantic import BaseModel

from dz import wiring
from dz.errors import DeployInProgress
from dz.settings import Role, settings
from dz.tasklib.jobs import failures, jobs
from dz.zoomdb import locks
from dz.zoomdb.states import JobKind
from tasks import artifacts
from tasks.roles import refuse_other_server
from tasks.standby import dismiss


@contextlib.contextmanager
def running_job(kind: JobKind, request: BaseModel, job: int | None) -> Iterator[int]:
    """Run a flow as a job; one started from the Prefect UI or API opens its own."""
    zoomdb = wiring.zoomdb()
    job_id = pending_or_new(kind, request, job)
    with jobs.running(zoomdb, job_id, str(flow_run.get_id())):
        try:
            yield job_id
        finally:
            dismiss(job_id)
        artifacts.progress_ends(job_id)


def pending_or_new(kind: JobKind, request: BaseModel, job: int | None) -> int:
    """Return the job that a run was started for; a run from the Prefect UI or API, or a repeated one, opens its own."""
    # A run that is repeated from the Prefect UI names a job that has run already.
    return jobs.if_pending(wiring.zoomdb(), job) or jobs.open_job(
        wiring.zoomdb(), kind, params=request.model_dump(mode="json"), requested_by=requested_by()
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
    with failures.reported_to_parent(wiring.zoomdb(), str(flow_run.get_id())):
        refuse_other_server(role, server=server)
        if not outlives_job:
            jobs.refuse_ended(wiring.zoomdb(), job)
        yield


@contextlib.contextmanager
def only_deploy_of(project: int) -> Iterator[None]:
    """Let one deploy of a project run at a time; a second one is refused at once."""
    with wiring.zoomdb().try_lock(locks.DEPLOY, project) as taken:
        if not taken:
            raise DeployInProgress(
                "Another deploy of this project is running.", "Wait for its end (`dz jobs` shows it), then try again."
            )
        yield
