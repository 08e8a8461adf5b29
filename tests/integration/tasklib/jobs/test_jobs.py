"""Jobs in a real zoomdb."""

import contextlib
import multiprocessing
import os
import signal
import time

import pytest

from dz.errors import FailureRecord, NotDjango, StaleWork
from dz.tasklib import projects
from dz.tasklib.jobs import jobs, log
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, JobState


def _job(zoomdb: Zoomdb) -> int:
    return jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={"url": "https://example.org/x"}, requested_by="test")


def test_a_job_that_fails_keeps_who_must_act_and_what_to_do(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with pytest.raises(NotDjango), jobs.running(zoomdb, job, "run-1"), log.step(zoomdb, job, "inspect code"):
        raise NotDjango("No manage.py.", "Give another URL.")
    view = jobs.get(zoomdb, job)
    assert view
    assert view.finished
    assert view.failure
    assert (view.state, view.failure.code, view.failure.remedy) == ("failed", "NotDjango", "Give another URL.")
    types = [line.type for line in log.lines(zoomdb, job)]
    assert types == ["job_begin", "step_begin", "error", "error", "job_end"]


def test_an_unknown_error_shows_no_secret_of_its_text(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with pytest.raises(RuntimeError), jobs.running(zoomdb, job, "run-2"):
        raise RuntimeError("password=hunter2")
    view = jobs.get(zoomdb, job)
    assert view
    assert view.failure
    assert view.failure.code == "Unexpected"
    assert "hunter2" not in view.failure.found


def _run_for_ever(url: str, key_file: str, job: int) -> None:
    from pathlib import Path  # noqa: PLC0415

    with jobs.running(Zoomdb(url, Path(key_file)), job, "run-3"):
        time.sleep(60)


def test_a_job_whose_process_is_killed_is_found_dead(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    arguments = (zoomdb.url, str(zoomdb._key_file), job)
    process = multiprocessing.get_context("spawn").Process(target=_run_for_ever, args=arguments)
    process.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and getattr(jobs.get(zoomdb, job), "state", "") != "running":
        time.sleep(0.05)
    assert jobs.reap(zoomdb) == []  # alive: its lock is held
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while time.monotonic() < deadline and not jobs.reap(zoomdb):
        time.sleep(0.05)
    view = jobs.get(zoomdb, job)
    assert view
    assert view.state == "crashed"


def test_a_job_that_waits_for_a_person_outlives_its_process_and_goes_on(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with contextlib.suppress(SystemExit), jobs.running(zoomdb, job, "run-1"):
        jobs.wait(zoomdb, job)
        raise SystemExit  # how a run is suspended
    assert jobs.reap(zoomdb) == []
    assert getattr(jobs.get(zoomdb, job), "state", "") == "waiting"
    jobs.go_on(zoomdb, job)
    with jobs.running(zoomdb, job, "run-2"):
        pass
    assert getattr(jobs.get(zoomdb, job), "state", "") == "succeeded"


def test_a_job_that_is_ended_from_outside_stays_ended(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with jobs.running(zoomdb, job, "run-1"):
        jobs.refuse_ended(zoomdb, job)
        jobs.give_up(zoomdb, job, JobState.EXPIRED, FailureRecord("Expired", "Nobody answered.", "Launch again."))
        with pytest.raises(StaleWork, match=f"Job {job}, .* has ended"):
            jobs.refuse_ended(zoomdb, job)
    view = jobs.get(zoomdb, job)
    assert view
    assert (view.state, view.failure and view.failure.found) == ("expired", "Nobody answered.")
    assert [line.type for line in log.lines(zoomdb, job)].count("job_end") == 1


def test_only_a_job_that_has_not_succeeded_is_opened_again_and_then_waits_for_a_run(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with pytest.raises(NotDjango), jobs.running(zoomdb, job, "run-1"):
        raise NotDjango("No manage.py.", "Give another URL.")
    assert jobs.if_pending(zoomdb, job) is None
    assert jobs.open_again(zoomdb, job, params={"ref": "main"})
    assert jobs.if_pending(zoomdb, job) == job
    with jobs.running(zoomdb, job, "run-2"):
        pass
    view = jobs.get(zoomdb, job)
    assert view
    assert (view.state, view.failure, view.params) == ("succeeded", None, {"ref": "main"})
    assert not jobs.open_again(zoomdb, job, params={})


def test_results_are_added_to_one_another(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    jobs.set_result(zoomdb, job, url="http://a.example.org/", version=1)
    jobs.set_result(zoomdb, job, version=2)
    assert getattr(jobs.get(zoomdb, job), "result", {}) == {"url": "http://a.example.org/", "version": 2}


def test_the_newest_jobs_of_a_project_come_first(zoomdb: Zoomdb) -> None:
    project = projects.ensure(zoomdb, name="site", url="https://example.org/site", ref=None)
    mine = [_job(zoomdb) for _ in range(3)]
    _job(zoomdb)
    for job in mine:
        jobs.set_project(zoomdb, job, project.id)
    assert [view.id for view in jobs.newest(zoomdb, project="site", limit=2)] == [mine[2], mine[1]]
    assert len(jobs.newest(zoomdb)) == 4
