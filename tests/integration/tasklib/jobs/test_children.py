"""Processes that work for jobs, in a real zoomdb."""

import os

import pytest
from sqlalchemy import func, update

from dz.errors import Cancelled, Fenced
from dz.tasklib import projects
from dz.tasklib.jobs import children, endings, fencing, jobs, leases, turns
from dz.tasklib.jobs.children import Left
from dz.tasklib.servers import heartbeats
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Server
from dz.zoomdb.states import JobKind, JobState


@pytest.fixture
def job(zoomdb: Zoomdb) -> int:
    return jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})


def _left(zoomdb: Zoomdb) -> list[Left]:
    return children.left_on(zoomdb, "proxy-1")


def test_a_process_is_known_until_its_job_has_succeeded(zoomdb: Zoomdb, job: int) -> None:
    with jobs.running(zoomdb, job, "run-1"):
        with children.at_work(zoomdb, job, "run-1", server="proxy-1"):
            assert _left(zoomdb) == []
        with children.at_work(zoomdb, job, "run-2", server="proxy-1"):
            pass
    assert _left(zoomdb) == []


def test_what_works_on_for_a_job_without_success_is_found_with_its_process(zoomdb: Zoomdb, job: int) -> None:
    with children.at_work(zoomdb, job, "run-1", server="proxy-1"):
        endings.cancel(zoomdb, job, by="ann")
        (left,) = _left(zoomdb)
        assert (left.run, left.pid, left.ended, left.undo) == ("run-1", os.getpid(), False, True)
    assert [left.ended for left in _left(zoomdb)] == [True]
    children.forget(zoomdb, "run-1")
    assert _left(zoomdb) == []
    with pytest.raises(Cancelled), children.at_work(zoomdb, job, "run-2", server="proxy-1"):
        raise AssertionError
    with children.at_work(zoomdb, job, "run-3", server="proxy-1", outlives_job=True):
        assert len(_left(zoomdb)) == 1


def test_a_run_that_is_given_up_is_found_and_may_write_nothing(zoomdb: Zoomdb, job: int) -> None:
    with children.at_work(zoomdb, job, "run-1", server="proxy-1"):
        children.give_up(zoomdb, job, "run-1", "proxy-1")
        assert [(left.over, left.given_up) for left in _left(zoomdb)] == [(False, True)]
        with pytest.raises(Fenced):
            fencing.refuse_stale(zoomdb, job, run="run-1")
    children.give_up(zoomdb, job, "never-begun", "proxy-1")
    with pytest.raises(Fenced), children.at_work(zoomdb, job, "never-begun", server="proxy-1"):
        raise AssertionError


def test_a_parent_learns_that_a_process_or_a_server_is_gone(
    zoomdb: Zoomdb, job: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeats.register(zoomdb, "proxy-1", role="proxy", address="127.0.0.1", capacity=1)
    with zoomdb.session() as session:
        session.execute(update(Server).values(heartbeat=func.clock_timestamp()))
    assert children.lost(zoomdb, "run-1", "proxy-1", silent_after=30) is None
    said = children.lost(zoomdb, "run-1", "proxy-1", silent_after=-1)
    assert said == "proxy-1 has not been heard of for -1 s, and had not begun"
    with children.at_work(zoomdb, job, "run-1", server="proxy-1"):
        assert children.lost(zoomdb, "run-1", None, silent_after=-1) is None
        monkeypatch.setattr(leases, "LEASE_SECONDS", -1.0)
        said = children.lost(zoomdb, "run-1", None, silent_after=30)
    assert said == "proxy-1 has not been heard of for -1 s while it worked for this job"


def test_newer_work_on_a_server_is_known(zoomdb: Zoomdb) -> None:
    project = projects.ensure(zoomdb, name="site", url="https://example.org/site", ref=None).id
    job = jobs.open_job(zoomdb, JobKind.ROLLBACK, params={}, project_id=project)
    turns.take(zoomdb, job, project)
    assert not children.newer_at_work(zoomdb, project, "proxy-1")
    with children.at_work(zoomdb, job, "run-1", server="proxy-1"):
        assert children.newer_at_work(zoomdb, project, "proxy-1")
        endings.end(zoomdb, job, JobState.FAILED, None)
        assert not children.newer_at_work(zoomdb, project, "proxy-1")
