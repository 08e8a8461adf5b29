"""How jobs end: by their own process, by somebody who cancels them, or without a word."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dz.errors import FailureRecord, ServiceUnavailable, TooLate, going_on
from dz.tasklib.jobs.leases import is_silent
from dz.text import printable
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Child, Job, JobLog, Launch
from dz.zoomdb.states import FINAL, UNSUCCESSFUL, JobState, LogType, may_become

OUTAGE_SECONDS = 60.0
"""Seconds for which the end of a job waits for zoomdb."""
CRASHED = FailureRecord(
    "Crashed",
    "The process that ran this job ended without a word (killed, or its server went down).",
    "Run the job again: every step can be repeated. Servers that it had changed go back within seconds.",
)
logger = logging.getLogger("dz.jobs")
T = TypeVar("T")


def finish(session: Session, job: Job, state: JobState, failure: FailureRecord | None) -> bool:
    """End a job in the transaction of its caller, and return whether that was still to be done.

    A job whose work users see already has succeeded, however it ends.
    """
    if job.state in FINAL:
        return False
    if job.switched and state != JobState.SUCCEEDED:
        text = "The job did not end in order, but users see what it has made; the rest is done by the servers."
        session.add(JobLog(job_id=job.id, type=LogType.INFO, message=text))
        state, failure = JobState.SUCCEEDED, None
    if not may_become(job.state, state):
        return False
    job.state, job.ended = state, func.now()
    if failure:
        job.failure_code, job.failure_found, job.failure_remedy = failure.code, failure.found, failure.remedy
        session.add(JobLog(job_id=job.id, type=LogType.ERROR, message=printable(failure.found)))
    session.add(JobLog(job_id=job.id, type=LogType.JOB_END, message=state.value))
    if state == JobState.SUCCEEDED:
        session.execute(delete(Child).where(Child.job_id == job.id, Child.ended.is_not(None)))
    return True


def end(zoomdb: Zoomdb, job_id: int, state: JobState, failure: FailureRecord | None) -> JobState:
    """End a job that its process runs unless it has ended; return the state that it has then.

    It waits for zoomdb if that does not answer. The signal that suspends a run ends no job that waits for a person.
    """

    def attempt() -> JobState:
        with zoomdb.session() as session:
            job = session.get_one(Job, job_id, with_for_update=True)
            if job.state != JobState.WAITING or state not in (JobState.CRASHED, JobState.CANCELLED):
                finish(session, job, state, failure)
            return job.state

    return patiently(attempt)


def patiently(attempt: Callable[[], T]) -> T:
    """Call until zoomdb answers, or raise ServiceUnavailable when it has not for long."""
    deadline = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            return attempt()
        except ServiceUnavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(1)


def cancel(zoomdb: Zoomdb, job_id: int, *, by: str) -> None:
    """Cancel a job, and the parts of a launch with it: from now on nothing of it writes anything.

    The servers end what works for it, take down what it has started, and show what was shown before
    (`dz/worker/settling.py`).

    Args:
        by: who cancels it.

    Raises:
        TooLate: users see what it has made, or it has ended.
    """
    with zoomdb.session() as session:
        whole = _whole(session, job_id)
        if late := next((job for job in whole if job.switched), None) or (
            whole[0] if whole[0].state in FINAL else None
        ):
            raise TooLate(
                f"Job {late.id} cannot be cancelled: {_why(late)}.",
                "`dz rollback` goes back to the version before." if late.switched else f"See `dz job {late.id}`.",
            )
        for job in whole:
            finish(session, job, JobState.CANCELLED, cancelled(job.id, by=by))


def cancelled(job_id: int, *, by: str) -> FailureRecord:
    """Return what is said of a job that somebody cancelled."""
    return FailureRecord(
        "Cancelled",
        f"Job {job_id} was cancelled by {by}; what users saw before, they still see.",
        "Start it again if that was a mistake.",
    )


def _why(job: Job) -> str:
    return "users see what it has made" if job.switched else f"it has ended as {job.state.value}"


def _whole(session: Session, job_id: int) -> list[Job]:
    """Return a job with the launch that it is a part of, or the parts that it has; the launch first."""
    row = session.scalar(
        select(Launch).where(
            (Launch.job_id == job_id) | (Launch.check_job_id == job_id) | (Launch.deploy_job_id == job_id)
        )
    )
    numbers = [job_id] if row is None else [row.job_id, row.check_job_id, row.deploy_job_id]
    if row is not None and job_id == row.check_job_id and job_id < row.job_id:
        numbers = [job_id]  # an earlier check, from which the launch goes on
    found = [session.get_one(Job, number, with_for_update=True) for number in numbers if number]
    return [job for job in found if job is found[0] or job.state not in FINAL or job.switched]


def reap(zoomdb: Zoomdb) -> list[int]:
    """End jobs that are under way and whose process is gone, and return their ids."""
    query = select(Job.id).where(Job.state.in_((JobState.RUNNING, JobState.QUEUED)), is_silent(Job.heartbeat))
    with zoomdb.session() as session:
        suspects = list(session.scalars(query))
    dead = []
    for job_id in suspects:
        with going_on(logger, f"asking whether job {job_id} still runs"), zoomdb.session() as session:
            # Its heartbeat may have come in the meantime.
            job = session.scalar(query.with_only_columns(Job).where(Job.id == job_id).with_for_update())
            if job and finish(session, job, JobState.CRASHED, CRASHED):
                dead.append(job_id)
    return dead


def cancel_run(zoomdb: Zoomdb, flow_run_id: str, *, by: str) -> bool:
    """Cancel the job of a flow run that is being cancelled, and return whether the run may be killed.

    It may not if users see already what it has made: it ends in order then.
    """
    query = select(Job.id, Job.state).where(Job.flow_run_id == flow_run_id)
    with zoomdb.session() as session:
        found = session.execute(query).one_or_none()
    if found is None or found.state in UNSUCCESSFUL:
        return True
    try:
        cancel(zoomdb, found.id, by=by)
    except TooLate:
        return False
    return True


def run_is_gone(zoomdb: Zoomdb, flow_run_id: str) -> JobState | None:
    """End the job of a flow run whose process has ended, if the process did not do so itself; note the child's end.

    Returns the state of the job that the run has executed, or worked for; None if there is none.
    """
    own = select(Job).where(Job.flow_run_id == flow_run_id)
    of_child = select(Job.state).join(Child, Child.job_id == Job.id).where(Child.flow_run_id == flow_run_id)
    with zoomdb.session() as session:
        job = session.scalar(own.with_for_update())
        if job and job.state in (JobState.RUNNING, JobState.QUEUED):
            finish(session, job, JobState.CRASHED, CRASHED)
        state = job.state if job else session.scalar(of_child)
        child = update(Child).where(Child.flow_run_id == flow_run_id, Child.ended.is_(None))
        session.execute(child.values(ended=func.clock_timestamp()))
        return state
