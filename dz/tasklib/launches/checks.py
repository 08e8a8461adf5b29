"""Whether a launch can go on from an earlier check instead of checking again."""

import datetime as dt

from sqlalchemy import func, select

from dz.tasklib.jobs import jobs
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Job
from dz.zoomdb.states import JobKind, JobState

HOURS = 24
"""How long the result of a check is taken for the truth: packages that a project does not pin change from day to day."""


def obstacle(zoomdb: Zoomdb, check_id: int, *, url: str, ref: str | None, commit: str) -> str | None:
    """Say why a launch cannot go on from a check; None: it can.

    Args:
        url, ref: what is to be launched.
        commit: its newest commit.
    """
    check = jobs.get(zoomdb, check_id)
    if check is None or check.kind != JobKind.CHECK_REPO:
        return "there is no check of that number"
    seen, source = check.result.get("commit", ""), (check.params.get("url"), check.params.get("ref"))
    only_read = check.result.get("is_django") and not check.result.get("proof")
    obstacles = (
        (check.state != JobState.SUCCEEDED, f"it is {check.state}"),
        (source != (url, ref), "it was made of another repository or branch"),
        (seen != commit, f"it was made of commit {seen[:12]}, and the newest one is {commit[:12]}"),
        (only_read, "it has only read the files, and run nothing"),
        (_is_old(zoomdb, check_id), f"it is older than {HOURS} hours"),
    )
    return next((reason for is_there, reason in obstacles if is_there), None)


def _is_old(zoomdb: Zoomdb, job_id: int) -> bool:
    fresh = select(Job.id).where(Job.id == job_id, Job.ended > func.now() - dt.timedelta(hours=HOURS))
    with zoomdb.session() as session:
        return session.scalar(fresh) is None
