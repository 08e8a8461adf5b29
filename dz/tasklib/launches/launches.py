"""How far each launch has got, stored so that a run that was suspended or died goes on without repeating anything."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dz.errors import DeployInProgress, FailureRecord, FormExpired, StackProblem
from dz.tasklib.jobs import endings, jobs
from dz.tasklib.jobs.results import JobResult
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Job, Launch
from dz.zoomdb.states import FINAL, JobKind, JobState

GRACE = 300
"""Seconds that Prefect waits longer than we do before it ends a run by itself, so that our message comes first."""


@dataclass(frozen=True)
class LaunchView:
    """A launch as flows and people see it.

    Args:
        form: how many forms were shown; the last one waits, or has been answered.
        answer: what the form shows, then the person's answer; once confirmed, with the configuration as `config`.
        problems: why the last answer was not accepted.
        expires: when the waiting form times out.
    """

    job: int
    project: str | None
    flow_run_id: str | None
    check: int | None
    deploy: int | None
    form: int
    answer: dict[str, Any]
    problems: tuple[str, ...]
    confirmed: bool
    expires: dt.datetime | None


def of_run(zoomdb: Zoomdb, flow_run_id: str) -> int | None:
    """Return the launch job that a flow run has begun already, or None."""
    query = select(Job.id).where(Job.flow_run_id == flow_run_id, Job.kind == JobKind.LAUNCH)
    with zoomdb.session() as session:
        return session.scalar(query)


def open_launch(zoomdb: Zoomdb, job_id: int, *, seconds: int) -> None:
    """Begin a launch, or resume one whose run ended.

    A launch that failed after its configuration was confirmed asks again, with the failure above the form; one whose
    process died goes on from where it was.

    Args:
        seconds: how long a form waits for its answer.
    """
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        row = session.scalar(select(Launch).where(Launch.job_id == job_id))
        if row is None:
            session.add(Launch(job_id=job_id))
            return
        if job.state in FINAL:
            row.expires = func.now() + dt.timedelta(seconds=seconds)
        if job.state == JobState.FAILED and row.confirmed:
            row.confirmed, row.form = None, row.form + 1
            row.problems = [f"{job.failure_found} {job.failure_remedy}"]


def get(zoomdb: Zoomdb, job_id: int) -> LaunchView:
    """Return a launch, or raise StackProblem if the job is not one."""
    with zoomdb.session() as session:
        found = session.execute(select(Launch, Job).join(Job, Job.id == Launch.job_id).where(Job.id == job_id)).first()
        if found is None:
            raise StackProblem(f"Job {job_id} is no launch, or has not begun.", "`dz jobs` lists the newest jobs.")
        return _view(*found)


def parts(zoomdb: Zoomdb, job_id: int) -> list[int]:
    """Return the jobs that a launch has begun: its check, unless it goes on from an earlier one, and its deploy."""
    query = select(Launch.check_job_id, Launch.deploy_job_id).where(Launch.job_id == job_id)
    with zoomdb.session() as session:
        return [part for row in session.execute(query) for part in row if part and part > job_id]


def commit(zoomdb: Zoomdb, job_id: int) -> str | None:
    """Return the commit that the check of a launch has looked at."""
    check = jobs.get(zoomdb, get(zoomdb, job_id).check or 0)
    return check.result.get("commit") if check else None


def take_result(zoomdb: Zoomdb, job_id: int) -> JobResult:
    """Give a launch the result of its deploy, and return it."""
    launch = get(zoomdb, job_id)
    deploy = jobs.get(zoomdb, launch.deploy or 0)
    result = JobResult() if deploy is None else deploy.result.copy()
    result["check"], result["deploy"] = launch.check, launch.deploy
    jobs.set_result(zoomdb, job_id, **result)
    return result


def go_on_from(zoomdb: Zoomdb, job_id: int, check_id: int) -> None:
    """Take an earlier check as that of a launch; see `checks.obstacle`."""
    with zoomdb.session() as session:
        _row(session, job_id).check_job_id = check_id


def check_job(zoomdb: Zoomdb, job_id: int, *, params: dict[str, Any]) -> int | None:
    """Return the check job if it still has to run; None if it is done."""
    return _part(zoomdb, job_id, JobKind.CHECK_REPO, params)


def deploy_job(zoomdb: Zoomdb, job_id: int, *, params: dict[str, Any]) -> int | None:
    """Return the deploy job if it still has to run; None if it is done.

    Raises:
        DeployInProgress: an earlier process of this launch still deploys.
    """
    return _part(zoomdb, job_id, JobKind.BUILD_AND_DEPLOY, params)


def _part(zoomdb: Zoomdb, job_id: int, kind: JobKind, params: dict[str, Any]) -> int | None:
    """Return the job of one part of a launch, created if missing, reopened if its process died; None if it is done."""
    column = "check_job_id" if kind == JobKind.CHECK_REPO else "deploy_job_id"
    with zoomdb.session() as session:
        row = _row(session, job_id)
        part: int | None = getattr(row, column)
        if part is None:
            launch = session.get_one(Job, job_id)
            job = Job(kind=kind, params=params, project_id=launch.project_id, requested_by=f"launch:{job_id}")
            session.add(job)
            session.flush()
            setattr(row, column, job.id)
            return job.id
    if not zoomdb.is_free(locks.JOB, part):
        raise DeployInProgress(
            f"Job {part} of this launch is still running in another process.", "Wait for its end, then try again."
        )
    return part if jobs.open_again(zoomdb, part, params=params) else None


def set_form(
    zoomdb: Zoomdb, job_id: int, answer: Mapping[str, Any], problems: Sequence[str], *, seconds: int
) -> LaunchView:
    """Store the next form to show and return it: with the guesses, or with an answer and what is wrong with it."""
    with zoomdb.session() as session:
        row = _row(session, job_id)
        row.form += 1
        row.answer, row.problems = dict(answer), list(problems)
        row.expires = func.now() + dt.timedelta(seconds=seconds)
    return get(zoomdb, job_id)


def confirm(zoomdb: Zoomdb, job_id: int, answer: Mapping[str, Any], config: str) -> None:
    """Store what a person has confirmed, and the `zoombuild.cfg` that holds it."""
    with zoomdb.session() as session:
        row = _row(session, job_id)
        row.answer, row.problems = {**answer, "config": config}, []
        row.confirmed, row.expires = func.now(), None


def waiting(zoomdb: Zoomdb) -> list[tuple[int, str, bool]]:
    """Return (job, flow run, whether its time is over) for every launch that waits for a person."""
    query = (
        select(Job.id, Job.flow_run_id, func.coalesce(Launch.expires < func.now(), False))
        .join(Launch, Launch.job_id == Job.id)
        .where(Job.state == JobState.WAITING)
    )
    with zoomdb.session() as session:
        return [(job, run or "", bool(over)) for job, run, over in session.execute(query)]


def expire(zoomdb: Zoomdb, job_id: int) -> FailureRecord:
    """End a launch whose form nobody answered, and return what a person is told about it."""
    view = get(zoomdb, job_id)
    until = view.expires.strftime("%Y-%m-%d %H:%M UTC") if view.expires else "its time was over"
    failure = FormExpired(
        f"Nobody answered the form until {until}; nothing was built, and nothing that users see has changed.",
        "Launch the site again; what was set with `dz variables` is still stored.",
    ).record()
    endings.end(zoomdb, job_id, JobState.EXPIRED, failure)
    return failure


def _row(session: Session, job_id: int) -> Launch:
    return session.scalars(select(Launch).where(Launch.job_id == job_id).with_for_update()).one()


def _view(row: Launch, job: Job) -> LaunchView:
    return LaunchView(
        job=job.id,
        project=job.project.name if job.project else None,
        flow_run_id=job.flow_run_id,
        check=row.check_job_id,
        deploy=row.deploy_job_id,
        form=row.form,
        answer=row.answer,
        problems=tuple(row.problems),
        confirmed=row.confirmed is not None,
        expires=row.expires,
    )
