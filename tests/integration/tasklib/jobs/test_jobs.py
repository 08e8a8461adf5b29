"""Jobs in a real zoomdb."""

import contextlib
import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, text

from dz.errors import Cancelled, FailureRecord, NotDjango, NotRepeatable, StaleWork
from dz.tasklib import projects
from dz.tasklib.jobs import endings, fencing, jobs, leases, log
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Job
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


def test_a_job_whose_process_is_killed_is_found_dead(zoomdb: Zoomdb, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _job(zoomdb)
    arguments = (zoomdb.url, str(zoomdb._key_file), job)
    process = multiprocessing.get_context("spawn").Process(target=_run_for_ever, args=arguments)
    process.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and getattr(jobs.get(zoomdb, job), "state", "") != "running":
        time.sleep(0.05)
    assert endings.reap(zoomdb) == []  # alive: its heartbeat is young
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    while time.monotonic() < deadline and not endings.reap(zoomdb):
        time.sleep(0.05)
    view = jobs.get(zoomdb, job)
    assert view
    assert view.state == "crashed"


def test_a_job_that_waits_for_a_person_outlives_its_process_and_goes_on(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with contextlib.suppress(SystemExit), jobs.running(zoomdb, job, "run-1"):
        jobs.wait(zoomdb, job)
        raise SystemExit  # how a run is suspended
    assert endings.reap(zoomdb) == []
    assert getattr(jobs.get(zoomdb, job), "state", "") == "waiting"
    jobs.go_on(zoomdb, job)
    with jobs.running(zoomdb, job, "run-2"):
        pass
    assert getattr(jobs.get(zoomdb, job), "state", "") == "succeeded"


def test_a_job_that_is_ended_from_outside_stays_ended(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with jobs.running(zoomdb, job, "run-1"):
        fencing.refuse_stale(zoomdb, job)
        endings.end(zoomdb, job, JobState.EXPIRED, FailureRecord("Expired", "Nobody answered.", "Launch again."))
        with pytest.raises(StaleWork, match=f"Job {job}, .* has ended"):
            fencing.refuse_stale(zoomdb, job)
    view = jobs.get(zoomdb, job)
    assert view
    assert (view.state, view.failure and view.failure.found) == ("expired", "Nobody answered.")
    assert [line.type for line in log.lines(zoomdb, job)].count("job_end") == 1


def test_only_a_job_that_has_not_succeeded_is_opened_again_and_then_waits_for_a_run(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with pytest.raises(NotDjango), jobs.running(zoomdb, job, "run-1"):
        raise NotDjango("No manage.py.", "Give another URL.")
    assert jobs.to_run(zoomdb, "run-2", job) is None
    assert jobs.open_again(zoomdb, job, params={"ref": "main"})
    assert jobs.to_run(zoomdb, "run-2", job) == job
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


def _fails(zoomdb: Zoomdb, job: int, run: str) -> None:
    with pytest.raises(NotDjango), jobs.running(zoomdb, job, run):
        raise NotDjango("No manage.py.", "Give another URL.")


def test_a_run_that_is_repeated_in_prefect_is_a_further_attempt_of_its_job(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    assert jobs.to_run(zoomdb, "run-1", job) == job
    _fails(zoomdb, job, "run-1")
    assert jobs.to_run(zoomdb, "run-1", job) == job
    with jobs.running(zoomdb, job, "run-1"):
        pass
    view = jobs.get(zoomdb, job)
    assert view
    assert (view.state, view.attempt, view.failure) == ("succeeded", 2, None)
    with pytest.raises(NotRepeatable, match=f"Job {job} has succeeded; it is not repeated"):
        jobs.to_run(zoomdb, "run-1", job)


def test_a_job_that_was_cancelled_before_its_first_line_does_not_begin(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    jobs.sent(zoomdb, job, "run-1")
    endings.cancel(zoomdb, job, by="cli:ann")
    with pytest.raises(Cancelled, match=f"Job {job} was cancelled by cli:ann"):
        jobs.to_run(zoomdb, "run-1", job)
    with pytest.raises(Cancelled), jobs.running(zoomdb, job, "run-1"):
        raise AssertionError


def test_who_asks_twice_with_one_key_gets_one_job(zoomdb: Zoomdb) -> None:
    def ask(_: int) -> int:
        return jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={}, idempotency_key="push-7")

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(20)))) == 1
    assert len(jobs.newest(zoomdb)) == 1


def test_an_error_after_the_change_over_does_not_make_what_users_see_a_failure(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with jobs.running(zoomdb, job, "run-1"):
        with zoomdb.session() as session:
            session.get_one(Job, job).switched = func.now()  # type: ignore[assignment]
        raise NotDjango("Something went wrong.", "Nothing.")
    assert getattr(jobs.get(zoomdb, job), "state", "") == "succeeded"


def test_a_job_outlives_a_restart_of_zoomdb(zoomdb: Zoomdb) -> None:
    job = _job(zoomdb)
    with jobs.running(zoomdb, job, "run-1"):
        with zoomdb.session() as session:
            others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            session.execute(text(f"{others} and datname = current_database()"))
        assert endings.reap(zoomdb) == []
        with log.step(zoomdb, job, "goes on"):
            pass
    assert getattr(jobs.get(zoomdb, job), "state", "") == "succeeded"
