"""Jobs, variables and releases in a real zoomdb."""

import multiprocessing
import os
import signal
import time

import pytest
from sqlalchemy import text

from dz.errors import InvalidName, NotDjango, StackProblem, UnknownProject
from dz.tasklib import projects
from dz.tasklib.jobs import jobs, log
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind


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


def test_variables_are_encrypted_for_their_project(zoomdb: Zoomdb) -> None:
    one = projects.ensure(zoomdb, name="one", url="https://example.org/one", ref=None)
    two = projects.ensure(zoomdb, name="two", url="https://example.org/two", ref=None)
    stored.put(zoomdb, one.id, {"API_KEY": "s3cr3t=\n'\"", "OTHER": "x"})
    assert stored.of_project(zoomdb, one.id) == {"API_KEY": "s3cr3t=\n'\"", "OTHER": "x"}
    with zoomdb.session() as session:
        column = bytes(session.execute(text("select value from env_var where name = 'API_KEY'")).scalar_one())
        assert b"s3cr3t" not in column
        session.execute(text("update env_var set project_id = :two where name = 'API_KEY'"), {"two": two.id})
    with pytest.raises(StackProblem):
        stored.of_project(zoomdb, two.id)


def test_one_bad_variable_stores_none(zoomdb: Zoomdb) -> None:
    project = projects.ensure(zoomdb, name="site", url="https://example.org/site", ref=None)
    with pytest.raises(InvalidName):
        stored.put(zoomdb, project.id, {"GOOD": "1", "LD_PRELOAD": "/x.so"})
    assert stored.of_project(zoomdb, project.id) == {}


def test_a_project_is_found_by_its_url_and_named_after_it(zoomdb: Zoomdb) -> None:
    first = projects.ensure(zoomdb, name=None, url="https://example.org/blog.git", ref=None)
    again = projects.ensure(zoomdb, name=None, url="https://example.org/blog.git", ref=None)
    other = projects.ensure(zoomdb, name=None, url="https://example.com/blog.git", ref=None)
    assert (first.name, again.id, other.name) == ("blog", first.id, "blog-2")
    with pytest.raises(UnknownProject):
        projects.find(zoomdb, "nothing")
