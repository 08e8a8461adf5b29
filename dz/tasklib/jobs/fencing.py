"""Fences: what a job writes is refused once the job has ended, or newer work has taken its project over.

A project's number grows with each job that gets its turn (`turns.py`). A process that lost its connection, or was stopped
and goes on later, still has the number of before: each of its steps is refused, and so is each write that decides what is
served, which asks in its own transaction or under the lock of what it writes.
"""

from typing import Any

from sqlalchemy import CTE, Row, Select, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dz.errors import DzError, FailureRecord, Fenced, StaleWork, from_record
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Child, Job, JobLog, Project
from dz.zoomdb.states import UNSUCCESSFUL, JobState, LogType

_NOW = "nothing was written"


def guard(session: Session, job_id: int) -> None:
    """Refuse work of a job that may write nothing more; until the transaction ends, no newer work takes over.

    Raises:
        StaleWork: the job has ended.
        Fenced: newer work has taken its project over.
    """
    project_id = session.scalar(select(Job.project_id).where(Job.id == job_id))
    if project_id is not None:
        session.execute(select(Project.id).where(Project.id == project_id).with_for_update(read=True))
    _refuse(job_id, session.execute(_standing(job_id, "")).one_or_none())


def refuse_stale(zoomdb: Zoomdb, job_id: int, *, run: str = "") -> None:
    """Refuse work of a job that may write nothing more, see `guard`; for writes elsewhere, under their own lock.

    Args:
        run: the flow run that works; one that was given up is refused, too.
    """
    _refuse(job_id, zoomdb.ask(_standing(job_id, run), {}))


def begin_step(zoomdb: Zoomdb, job_id: int, name: str, *, run: str = "", outlives_job: bool = False) -> None:
    """Log the begin of a step, unless its job may write nothing more; one statement, as without the question.

    Args:
        run: see `refuse_stale`.
        outlives_job: the step is done even if the job has ended.
    """
    standing = _standing(job_id, run).cte("standing")
    fine = literal(value=True) if outlives_job else ~(standing.c.is_over | standing.c.is_fenced)
    row = select(literal(job_id), literal(LogType.STEP_BEGIN.value), literal(name), literal("")).where(fine)
    line: CTE = insert(JobLog).from_select(["job_id", "type", "step", "message"], row.select_from(standing)).cte("line")
    found = zoomdb.ask(select(standing).add_cte(line), {})
    if not outlives_job:
        _refuse(job_id, found)


def begin_work(
    zoomdb: Zoomdb, job_id: int, run: str, *, server: str, pid: int, began: float, outlives_job: bool = False
) -> None:
    """Record the process that works for a job, unless the job may write nothing more; one statement.

    Args:
        run: its flow run.
        pid, began: the process; `began` in seconds since 1970 by its server's clock.
        outlives_job: record it even if the job has ended.
    """
    standing = _standing(job_id, run).cte("standing")
    fine = literal(value=True) if outlives_job else ~(standing.c.is_over | standing.c.is_fenced)
    values = {"job_id": job_id, "flow_run_id": run, "server": server, "pid": pid, "began": began}
    row = select(*(literal(value) for value in values.values())).where(fine).select_from(standing)
    again = insert(Child).from_select(list(values), row)
    fresh = {
        "ended": None,
        "given_up": False,
        "heartbeat": func.clock_timestamp(),
        "pid": pid,
        "began": began,
        "server": server,
    }
    line = again.on_conflict_do_update(index_elements=["flow_run_id"], set_=fresh).cte("line")
    found = zoomdb.ask(select(standing).add_cte(line), {})
    if not outlives_job:
        _refuse(job_id, found)


def _standing(job_id: int, run: str) -> Select[bool, bool, JobState, str | None, str | None, str | None]:
    """Select what decides whether work of a job may write."""
    given_up = select(Child.id).where(Child.flow_run_id == run, Child.given_up).exists()
    return (
        select(
            Job.state.in_(UNSUCCESSFUL).label("is_over"),
            or_(func.coalesce(Job.fence < Project.fence, False), given_up if run else literal(value=False)).label(
                "is_fenced"
            ),
            Job.state,
            Job.failure_code,
            Job.failure_found,
            Job.failure_remedy,
        )
        .outerjoin(Project, Project.id == Job.project_id)
        .where(Job.id == job_id)
    )


def _refuse(job_id: int, found: Row[*tuple[Any, ...]] | None) -> None:
    if found is None:
        raise StaleWork(f"Job {job_id}, for which this work was sent, is unknown; {_NOW}.", "Run the job again.")
    if found.is_over:
        raise _reason(job_id, found.state, found.failure_code, found.failure_found, found.failure_remedy)
    if found.is_fenced:
        raise Fenced(
            f"Newer work has taken over what job {job_id} was doing while that did not answer; {_NOW}.",
            "Nothing is to be done: what users see is up to the newer work. `dz jobs` shows it.",
        )


def _reason(job_id: int, state: JobState, code: str | None, found: str | None, remedy: str | None) -> DzError:
    """Return why a job that has ended may do nothing more: the end that was given it, in its own words."""
    if state in (JobState.CANCELLED, JobState.SUPERSEDED) and code:
        return from_record(FailureRecord(code, found or "", remedy or ""))
    return StaleWork(f"Job {job_id}, for which this work was sent, has ended; {_NOW}.", "Run the job again.")
