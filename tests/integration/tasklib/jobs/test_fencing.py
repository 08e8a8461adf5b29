"""What a job may still write, in a real zoomdb."""

import threading

import pytest

from dz.errors import Cancelled, Fenced, StaleWork
from dz.tasklib import projects
from dz.tasklib.jobs import children, endings, fencing, jobs, leases, log, turns
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Child
from dz.zoomdb.states import JobKind


@pytest.fixture
def project(zoomdb: Zoomdb) -> int:
    return projects.ensure(zoomdb, name="site", url="https://example.org/site", ref=None).id


@pytest.fixture
def job(zoomdb: Zoomdb, project: int) -> int:
    return jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={}, project_id=project)


def test_a_job_that_has_ended_begins_no_step_unless_the_step_outlives_it(zoomdb: Zoomdb, job: int) -> None:
    endings.cancel(zoomdb, job, by="cli:ann")
    with pytest.raises(Cancelled, match="cancelled by cli:ann"):
        fencing.begin_step(zoomdb, job, "boot")
    with pytest.raises(StaleWork, match="is unknown"):
        fencing.begin_step(zoomdb, job + 1, "boot")
    fencing.begin_step(zoomdb, job, "stop instance", outlives_job=True)
    assert [line.step for line in log.lines(zoomdb, job) if line.step] == ["stop instance"]


def test_a_run_that_was_given_up_writes_nothing(zoomdb: Zoomdb, job: int) -> None:
    with zoomdb.session() as session:
        session.add(Child(flow_run_id="run-1", job_id=job, server="proxy-1"))
    fencing.refuse_stale(zoomdb, job, run="run-1")
    children.give_up(zoomdb, job, "run-1", "proxy-1")
    with pytest.raises(Fenced):
        fencing.refuse_stale(zoomdb, job, run="run-1")
    fencing.refuse_stale(zoomdb, job, run="run-2")


def test_newer_work_waits_until_a_guarded_transaction_has_ended(
    zoomdb: Zoomdb, job: int, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", -1.0)
    newer = jobs.open_job(zoomdb, JobKind.ROLLBACK, params={}, project_id=project)
    assert turns.take(zoomdb, job, project) is None
    taking = threading.Thread(target=turns.take, args=(zoomdb, newer, project))
    with zoomdb.session() as session:
        fencing.guard(session, job)
        taking.start()
        taking.join(0.5)
        assert taking.is_alive()
    taking.join(30)
    with zoomdb.session() as session, pytest.raises(Fenced):
        fencing.guard(session, job)
