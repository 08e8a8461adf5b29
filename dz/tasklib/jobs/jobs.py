"""Jobs: what people asked for, how far it has got, and how it ended."""

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Unpack, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dz.errors import DzError, FailureRecord, StaleWork, going_on
from dz.tasklib.jobs.failures import unexpected
from dz.tasklib.jobs.results import JobResult
from dz.text import printable
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Job, JobLog, Project
from dz.zoomdb.states import JobKind, JobState, LogType

logger = logging.getLogger("dz.jobs")

FINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CRASHED, JobState.EXPIRED)
_CRASHED = FailureRecord(
    "Crashed",
    "The process that ran this job ended without a word (killed, or its server went down).",
    "Run the job again: every step can be repeated. Proxies that it had changed go back within a minute.",
)


@dataclass(frozen=True)
class JobView:
    """A job as people see it; times in UTC."""

    id: int
    kind: str
    project: str | None
    state: str
    params: dict[str, Any]
    result: JobResult
    flow_run_id: str | None
    requested_by: str
    created: dt.datetime
    started: dt.datetime | None
    ended: dt.datetime | None
    failure: FailureRecord | None

    @property
    def finished(self) -> bool:
        """Whether the job has reached a final state."""
        return self.state in FINAL


def open_job(
    zoomdb: Zoomdb,
    kind: JobKind,
    *,
    params: dict[str, Any],
    project_id: int | None = None,
    requested_by: str = "",
) -> int:
    """Store a job that somebody asks for and return its id; `params` must hold no secret."""
    with zoomdb.session() as session:
        job = Job(kind=kind, params=params, project_id=project_id, requested_by=requested_by)
        session.add(job)
        session.flush()
        return job.id


def set_project(zoomdb: Zoomdb, job_id: int, project_id: int) -> None:
    """Note which project the job turned out to be about."""
    with zoomdb.session() as session:
        session.get_one(Job, job_id).project_id = project_id


def set_result(zoomdb: Zoomdb, job_id: int, **values: Unpack[JobResult]) -> None:
    """Add values to the job's result."""
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        job.result = {**job.result, **values}


@contextlib.contextmanager
def running(zoomdb: Zoomdb, job_id: int, flow_run_id: str) -> Iterator[None]:
    """Hold a job's lock for the block, and record its start, its end and any failure in its row and log.

    A run that is suspended while its job waits for a person (see `wait`) does not end the job. When the job is resumed,
    its previous process may still be exiting, so this waits for the lock.
    """
    with zoomdb.lock(locks.JOB, job_id):
        _begin(zoomdb, job_id, flow_run_id)
        try:
            yield
        except DzError as error:
            _end(zoomdb, job_id, JobState.FAILED, error.record())
            raise
        except Exception as error:
            _end(zoomdb, job_id, JobState.FAILED, unexpected(error).record())
            raise
        except BaseException:
            _end(zoomdb, job_id, JobState.CRASHED, _CRASHED)
            raise
        _end(zoomdb, job_id, JobState.SUCCEEDED, None)


def wait(zoomdb: Zoomdb, job_id: int) -> None:
    """Mark a job as waiting for a person; until the answer comes, no process runs it."""
    _set_state(zoomdb, job_id, JobState.WAITING)


def go_on(zoomdb: Zoomdb, job_id: int) -> None:
    """Mark a job that waited for a person as running again."""
    _set_state(zoomdb, job_id, JobState.RUNNING)


def give_up(zoomdb: Zoomdb, job_id: int, state: JobState, failure: FailureRecord) -> None:
    """End a job that no process runs, and record why."""
    _end(zoomdb, job_id, state, failure)


def open_again(zoomdb: Zoomdb, job_id: int, *, params: dict[str, Any]) -> bool:
    """Make a job pending again unless it has succeeded; return whether there is anything left to do."""
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        if job.state == JobState.SUCCEEDED:
            return False
        job.state, job.params = JobState.PENDING, params
        return True


def get(zoomdb: Zoomdb, job_id: int) -> JobView | None:
    """Return one job, or None if no job has that id."""
    with zoomdb.session() as session:
        job = session.get(Job, job_id)
        return _view(job) if job else None


def if_pending(zoomdb: Zoomdb, job_id: int | None) -> int | None:
    """Return the job's id if the job is pending, else None."""
    view = get(zoomdb, job_id) if job_id else None
    return view.id if view and view.state == JobState.PENDING else None


def refuse_ended(zoomdb: Zoomdb, job_id: int) -> None:
    """Raise StaleWork if the job for which work was sent has ended."""
    view = get(zoomdb, job_id)
    if view is None or view.finished:
        raise StaleWork(
            f"Job {job_id}, for which this work was sent, has ended; nothing was done.", "Run the job again."
        )


def newest(zoomdb: Zoomdb, *, project: str | None = None, limit: int = 20) -> list[JobView]:
    """Return the newest jobs, newest first, of one project or of all."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if project:
        query = query.join(Project, Job.project_id == Project.id).where(Project.name == project)
    with zoomdb.session() as session:
        return [_view(job) for job in session.scalars(query)]


def reap(zoomdb: Zoomdb) -> list[int]:
    """Mark running jobs whose process is gone as crashed, and return their ids."""
    with zoomdb.session() as session:
        suspects = list(session.scalars(select(Job.id).where(Job.state == JobState.RUNNING)))
    dead = []
    for job_id in suspects:
        with going_on(logger, f"asking whether job {job_id} still runs"):
            if _is_dead(zoomdb, job_id):
                dead.append(job_id)
    return dead


def _is_dead(zoomdb: Zoomdb, job_id: int) -> bool:
    with zoomdb.try_lock(locks.JOB, job_id) as free:
        if free:
            _end(zoomdb, job_id, JobState.CRASHED, _CRASHED)
        return free


def _begin(zoomdb: Zoomdb, job_id: int, flow_run_id: str) -> None:
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        job.state, job.flow_run_id, job.started = JobState.RUNNING, flow_run_id, job.started or func.now()
        job.ended = job.failure_code = job.failure_found = job.failure_remedy = None
        session.add(JobLog(job_id=job_id, type=LogType.JOB_BEGIN, message=job.kind.value))


def _set_state(zoomdb: Zoomdb, job_id: int, state: JobState) -> None:
    with zoomdb.session() as session:
        session.get_one(Job, job_id, with_for_update=True).state = state


def _end(zoomdb: Zoomdb, job_id: int, state: JobState, failure: FailureRecord | None) -> None:
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        # The signal that suspends a run does not end its job.
        if job.state in FINAL or (job.state == JobState.WAITING and state == JobState.CRASHED):
            return
        job.state, job.ended = state, func.now()
        if failure:
            job.failure_code, job.failure_found, job.failure_remedy = failure.code, failure.found, failure.remedy
        _close_log(session, job_id, state, failure)


def _close_log(session: Session, job_id: int, state: JobState, failure: FailureRecord | None) -> None:
    if failure:
        session.add(JobLog(job_id=job_id, type=LogType.ERROR, message=printable(failure.found)))
    session.add(JobLog(job_id=job_id, type=LogType.JOB_END, message=state.value))


def _view(job: Job) -> JobView:
    failure = None
    if job.failure_code:
        failure = FailureRecord(job.failure_code, job.failure_found or "", job.failure_remedy or "")
    return JobView(
        id=job.id,
        kind=job.kind.value,
        project=job.project.name if job.project else None,
        state=job.state.value,
        params=job.params,
        result=cast("JobResult", job.result),
        flow_run_id=job.flow_run_id,
        requested_by=job.requested_by,
        created=job.created,
        started=job.started,
        ended=job.ended,
        failure=failure,
    )
