"""How jobs end, in a real zoomdb."""

import pytest
from sqlalchemy import func

from dz.errors import TooLate
from dz.tasklib.jobs import endings, jobs, log
from dz.tasklib.launches import launches
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Job
from dz.zoomdb.states import JobKind


def _job(zoomdb: Zoomdb, kind: JobKind = JobKind.BUILD_AND_DEPLOY) -> int:
    return jobs.open_job(zoomdb, kind, params={}, requested_by="test")


def _state(zoomdb: Zoomdb, job: int | None) -> str:
    return getattr(jobs.get(zoomdb, job or 0), "state", "")


def test_a_cancelled_job_says_who_cancelled_it(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    endings.cancel(zoomdb, job, by="prefect:ann")
    view = jobs.get(zoomdb, job)
    assert view
    assert view.failure
    assert (view.state, view.failure.code) == ("cancelled", "Cancelled")
    assert "cancelled by prefect:ann" in view.failure.found
    assert [line.type for line in log.lines(zoomdb, job)] == ["error", "job_end"]
    with pytest.raises(TooLate, match="it has ended as cancelled"):
        endings.cancel(zoomdb, job, by="ann")


def test_after_the_change_over_it_is_too_late_to_cancel_and_a_killed_run_has_succeeded(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with jobs.running(zoomdb, job, "run-1"):
        with zoomdb.session() as session:
            session.get_one(Job, job).switched = func.now()  # type: ignore[assignment]
        with pytest.raises(TooLate, match="users see what it has made"):
            endings.cancel(zoomdb, job, by="ann")
        endings.run_is_gone(zoomdb, "run-1")
        assert _state(zoomdb, job) == "succeeded"


def test_the_job_of_a_run_whose_process_is_gone_has_crashed_at_once(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with jobs.running(zoomdb, job, "run-1"):
        endings.run_is_gone(zoomdb, "run-2")
        assert _state(zoomdb, job) == "running"
        endings.run_is_gone(zoomdb, "run-1")
        assert _state(zoomdb, job) == "crashed"


def test_a_launch_is_cancelled_with_its_parts_and_a_part_with_its_launch(zoomdb: Zoomdb) -> None:
    for first in ("launch", "part"):
        job = _job(zoomdb, JobKind.LAUNCH)
        launches.open_launch(zoomdb, job, seconds=10)
        part = launches.deploy_job(zoomdb, job, params={})
        endings.cancel(zoomdb, job if first == "launch" else part or 0, by="ann")
        assert (_state(zoomdb, job), _state(zoomdb, part)) == ("cancelled", "cancelled")
