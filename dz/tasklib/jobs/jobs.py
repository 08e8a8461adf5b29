"""Jobs: what people asked for, how far it has got, and how it ended."""

import contextlib
import datetime as dt
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Unpack, cast

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dz.errors import DzError, FailureRecord, NotRepeatable, from_record
from dz.tasklib.jobs import endings, fencing, leases
from dz.tasklib.jobs.failures import unexpected
from dz.tasklib.jobs.results import JobResult
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Job, JobLog, Project
from dz.zoomdb.states import FINAL, JobKind, JobState, LogType, may_become


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
    attempt: int
    created: dt.datetime
    started: dt.datetime | None
    ended: dt.datetime | None
    failure: FailureRecord | None

    @property
    def finished(self) -> bool:
        """Whether the job has reached a final state."""
        return self.state in FINAL


@dataclass(frozen=True)
class UnderWay:
    """A job that has not ended, the flow run that was sent for it, and how many seconds ago it was asked for or begun."""

    id: int
    state: JobState
    run: str | None
    age: float


def open_job(
    zoomdb: Zoomdb,
    kind: JobKind,
    *,
    params: dict[str, Any],
    project_id: int | None = None,
    requested_by: str = "",
    idempotency_key: str | None = None,
) -> int:
    """Store a job that somebody asks for and return its id; `params` must hold no secret.

    Args:
        idempotency_key: whoever asks again with the same key gets the job of the first time.
    """
    values = {"kind": kind, "params": params, "project_id": project_id, "requested_by": requested_by}
    statement = insert(Job).values(**values, state=JobState.PENDING, idempotency_key=idempotency_key)
    with zoomdb.session() as session:
        made = session.scalar(statement.on_conflict_do_nothing(index_elements=["idempotency_key"]).returning(Job.id))
        return made or session.scalars(select(Job.id).where(Job.idempotency_key == idempotency_key)).one()


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
    """Run a job for the block: keep its lease, and record its start, its end and any failure in its row and log.

    A run that is suspended while its job waits for a person (see `wait`) does not end the job. When the job is resumed,
    its previous process may still be exiting, so this waits for the lock. An error that comes after users have begun to
    see what the job made ends the block, but not the job's success.

    Raises:
        Cancelled, Superseded, StaleWork: the job was ended before it began.
    """
    with zoomdb.lock(locks.JOB, job_id):
        _begin(zoomdb, job_id, flow_run_id)
        with leases.kept(functools.partial(_beat, zoomdb, job_id), f"job {job_id}"):
            try:
                yield
            except DzError as error:
                if endings.end(zoomdb, job_id, JobState.FAILED, error.record()) != JobState.SUCCEEDED:
                    raise
            except Exception as error:
                endings.end(zoomdb, job_id, JobState.FAILED, unexpected(error).record())
                raise
            except KeyboardInterrupt:
                by = "whoever interrupted it at the terminal"
                endings.end(zoomdb, job_id, JobState.CANCELLED, endings.cancelled(job_id, by=by))
                raise
            except BaseException:
                endings.end(zoomdb, job_id, JobState.CRASHED, endings.CRASHED)
                raise
            else:
                endings.end(zoomdb, job_id, JobState.SUCCEEDED, None)


def wait(zoomdb: Zoomdb, job_id: int) -> None:
    """Mark a job as waiting for a person; until the answer comes, no process runs it."""
    _set_state(zoomdb, job_id, JobState.WAITING)


def go_on(zoomdb: Zoomdb, job_id: int) -> None:
    """Mark a job that waited for a person as running again."""
    _set_state(zoomdb, job_id, JobState.RUNNING)


def open_again(zoomdb: Zoomdb, job_id: int, *, params: dict[str, Any]) -> bool:
    """Make a job pending again unless it has succeeded; return whether there is anything left to do."""
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        if job.state == JobState.SUCCEEDED:
            return False
        job.state, job.params = JobState.PENDING, params
        return True


def to_run(zoomdb: Zoomdb, flow_run_id: str, job_id: int | None) -> int | None:
    """Return the job that a flow run is to execute; None if it has none yet.

    It is the pending one for which the run was sent; or the one that this very run has executed before, which gets a
    further attempt if it has ended: who repeats a run in Prefect repeats its job.

    Raises:
        NotRepeatable: the job has succeeded, or was superseded.
        Cancelled: the job was cancelled before it began.
    """
    with zoomdb.session() as session:
        job = session.scalar(select(Job).where(Job.flow_run_id == flow_run_id).with_for_update())
        if job is None:
            given = session.get(Job, job_id) if job_id else None
            return given.id if given and given.state == JobState.PENDING else None
        if job.state in FINAL:
            _open_attempt(session, job)
        return job.id


def _open_attempt(session: Session, job: Job) -> None:
    """Make an ended job pending for a further attempt, or say why there is none."""
    if not may_become(job.state, JobState.PENDING):
        how = f"was replaced by job {job.superseded_by}" if job.superseded_by else f"has {job.state.value}"
        raise NotRepeatable(f"Job {job.id} {how}; it is not repeated.", "Start a new one instead of a further attempt.")
    if job.started is None:
        raise from_record(FailureRecord(job.failure_code or "", job.failure_found or "", job.failure_remedy or ""))
    job.state, job.attempt = JobState.PENDING, job.attempt + 1
    text = f"Attempt {job.attempt}: the run was repeated in Prefect."
    session.add(JobLog(job_id=job.id, type=LogType.INFO, message=text))


def sent(zoomdb: Zoomdb, job_id: int, flow_run_id: str) -> None:
    """Note which flow run was sent for a job, unless it has begun by now."""
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        job.flow_run_id = job.flow_run_id or flow_run_id


def get(zoomdb: Zoomdb, job_id: int) -> JobView | None:
    """Return one job, or None if no job has that id."""
    with zoomdb.session() as session:
        job = session.get(Job, job_id)
        return _view(job) if job else None


def under_way(zoomdb: Zoomdb) -> list[UnderWay]:
    """Return the jobs that have not ended, oldest first."""
    age = func.extract("epoch", func.clock_timestamp() - func.coalesce(Job.started, Job.created))
    query = select(Job.id, Job.state, Job.flow_run_id, age).where(Job.state.not_in(FINAL)).order_by(Job.id).limit(200)
    with zoomdb.session() as session:
        return [UnderWay(job, state, run, float(seconds)) for job, state, run, seconds in session.execute(query)]


def newest(zoomdb: Zoomdb, *, project: str | None = None, limit: int = 20) -> list[JobView]:
    """Return the newest jobs, newest first, of one project or of all."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if project:
        query = query.join(Project, Job.project_id == Project.id).where(Project.name == project)
    with zoomdb.session() as session:
        return [_view(job) for job in session.scalars(query)]


def _begin(zoomdb: Zoomdb, job_id: int, flow_run_id: str) -> None:
    with zoomdb.session() as session:
        fencing.guard(session, job_id)
        job = session.get_one(Job, job_id, with_for_update=True)
        job.state, job.flow_run_id, job.started = JobState.RUNNING, flow_run_id, job.started or func.now()
        job.heartbeat, job.fence, job.switched = func.clock_timestamp(), None, None
        job.ended = job.failure_code = job.failure_found = job.failure_remedy = None
        session.add(JobLog(job_id=job_id, type=LogType.JOB_BEGIN, message=job.kind.value))


def _beat(zoomdb: Zoomdb, job_id: int) -> None:
    zoomdb.execute(update(Job).where(Job.id == job_id).values(heartbeat=func.clock_timestamp()), {})


def _set_state(zoomdb: Zoomdb, job_id: int, state: JobState) -> None:
    with zoomdb.session() as session:
        fencing.guard(session, job_id)
        job = session.get_one(Job, job_id, with_for_update=True)
        job.state, job.heartbeat = state, func.clock_timestamp()


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
        attempt=job.attempt,
        created=job.created,
        started=job.started,
        ended=job.ended,
        failure=failure,
    )
