"""Turns: one job at a time changes what a project serves; others wait, and a newer deploy replaces one that waits.

Who has the turn is told by the project's number: the job that carries it, as long as that has not ended and sends its
heartbeats. So a turn never has to be given back, and nobody waits for a job that died.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dz.errors import FailureRecord
from dz.tasklib.jobs import fencing
from dz.tasklib.jobs.endings import finish
from dz.tasklib.jobs.leases import is_silent
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Job, JobLog, Project
from dz.zoomdb.states import FINAL, JobKind, JobState, LogType


@dataclass(frozen=True)
class Place:
    """A place in a project's queue.

    Args:
        behind: the job that has the turn, or is next.
        ahead: how many jobs come first.
    """

    behind: int
    ahead: int


def take(zoomdb: Zoomdb, job_id: int, project_id: int) -> Place | None:
    """Give a job its turn and a number that fences off all work before it; or return its place in the queue.

    A deploy replaces an older one that waits. The oldest comes first.

    Raises:
        Cancelled, Superseded, StaleWork: the job was ended while it waited.
    """
    with zoomdb.session() as session:
        project = session.get_one(Project, project_id, with_for_update=True)
        fencing.guard(session, job_id)
        job = session.get_one(Job, job_id, with_for_update=True)
        if job.fence == project.fence:
            return None
        if job.kind == JobKind.BUILD_AND_DEPLOY:
            _replace_older(session, job)
        if first := _first(session, project, job_id):
            if job.state != JobState.QUEUED:
                job.state = JobState.QUEUED
                text = f"Waits in place {len(first)} of this project's queue, behind job {first[0]}."
                session.add(JobLog(job_id=job_id, type=LogType.INFO, message=text))
            return Place(first[0], len(first))
        project.fence += 1
        job.fence, job.state, job.heartbeat = project.fence, JobState.RUNNING, func.clock_timestamp()
        return None


def is_taken(zoomdb: Zoomdb, project_id: int) -> bool:
    """Say whether a job has the turn of a project at this moment."""
    query = select(Job.id).join(Project, Job.project_id == Project.id).where(Project.id == project_id)
    holder = query.where(Job.fence == Project.fence, Job.state.not_in(FINAL), ~is_silent(Job.heartbeat))
    with zoomdb.session() as session:
        return session.scalar(holder.limit(1)) is not None


def _first(session: Session, project: Project, job_id: int) -> list[int]:
    """Return the jobs that come before this one: who has the turn, then those that have waited for longer."""
    live = (Job.project_id == project.id, Job.id != job_id, ~is_silent(Job.heartbeat))
    holder = select(Job.id).where(*live, Job.fence == project.fence, Job.state.not_in(FINAL))
    waiting = select(Job.id).where(*live, Job.id < job_id, Job.state == JobState.QUEUED).order_by(Job.id)
    return [*session.scalars(holder), *session.scalars(waiting)]


def _replace_older(session: Session, job: Job) -> None:
    query = select(Job).where(Job.project_id == job.project_id, Job.kind == job.kind, Job.id < job.id)
    for older in session.scalars(query.where(Job.state == JobState.QUEUED).with_for_update()):
        older.superseded_by = job.id
        failure = FailureRecord(
            "Superseded",
            f"Job {job.id}, a newer deploy of this project, was asked for before this one began; nothing was built.",
            f"Nothing is to be done: `dz job {job.id} --follow` shows the newer one.",
        )
        finish(session, older, JobState.SUPERSEDED, failure)
