"""Flows that are started and followed, on workers or in this process."""

import json
import os
import pwd
import sys
import types

import pytest

from dz.cli import main, runs
from dz.settings import settings
from dz.tasklib.jobs import jobs, log
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, LogType


@pytest.fixture
def tiny_flow(zoomdb: Zoomdb, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A flow without Prefect, called as flows are: it runs its job in this process."""
    module = types.ModuleType("flows.tiny")

    def tiny(request: object, job: int, *, return_state: bool) -> None:
        assert return_state
        assert settings().local_mode
        with jobs.running(zoomdb, job, "run-2"), log.step(zoomdb, job, "all of it"):
            log.write(zoomdb, job, LogType.INFO, "hello")
            jobs.set_result(zoomdb, job, url="http://127.0.0.1:1/", version=3)

    module.tiny = tiny  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flows.tiny", module)
    monkeypatch.setitem(runs.FLOWS, JobKind.BUILD_AND_DEPLOY, ("tiny", "request"))
    return module


def test_local_mode_runs_the_flow_in_this_process_and_shows_it(tiny_flow: types.ModuleType, capsys) -> None:
    code = main.run(["deploy", "git://127.0.0.1:9418/shop.git", "--local", "--json"])

    written = capsys.readouterr()
    found = json.loads(written.out)
    assert code == 0
    assert (found["url"], found["version"], list(found["steps"])) == ("http://127.0.0.1:1/", 3, ["all of it"])
    assert "begun   all of it" in written.err
    assert "hello" in written.err


@pytest.mark.parametrize(("login", "said"), [("ann", "cli:ann as "), ("", "cli:")])
def test_a_job_names_who_has_logged_in(
    tiny_flow: types.ModuleType, zoomdb: Zoomdb, monkeypatch: pytest.MonkeyPatch, login: str, said: str
) -> None:
    def getlogin() -> str:
        if login:
            return login
        raise OSError

    monkeypatch.setattr("os.getlogin", getlogin)
    assert main.run(["deploy", "git://127.0.0.1:9418/shop.git", "--local"]) == 0
    assert jobs.newest(zoomdb)[0].requested_by == said + pwd.getpwuid(os.geteuid()).pw_name


def test_a_local_flow_that_is_interrupted_says_so(tiny_flow: types.ModuleType, zoomdb: Zoomdb, capsys) -> None:
    def interrupted(request: object, job: int, *, return_state: bool) -> None:
        with jobs.running(zoomdb, job, "run-3"):
            raise KeyboardInterrupt

    tiny_flow.tiny = interrupted  # type: ignore[attr-defined]

    assert main.run(["deploy", "git://127.0.0.1:9418/shop.git", "--local"]) == 130

    assert "was ended" in capsys.readouterr().err
    assert jobs.newest(zoomdb)[0].state == "cancelled"


def test_an_interrupted_follower_says_that_the_job_goes_on(zoomdb: Zoomdb, monkeypatch, capsys) -> None:
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_look", interrupted)

    assert main.run(["job", str(job), "--follow"]) == 130
    assert f"Job {job} goes on on the servers. `dz job {job} --follow` shows it again." in capsys.readouterr().err
    assert jobs.newest(zoomdb)[0].state == "pending"


def test_a_job_that_no_worker_takes_names_the_role_that_is_silent(zoomdb: Zoomdb, monkeypatch, capsys) -> None:
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    monkeypatch.setattr(runs, "PATIENCE", 0.4)

    code = main.run(["job", str(job), "--follow", "--json"])

    error = json.loads(capsys.readouterr().out)["error"]
    assert (code, error["code"]) == (1, "NoServerOfRole")
    assert "'build'" in error["found"]
    assert jobs.newest(zoomdb)[0].state == "pending"


def test_a_job_whose_process_died_ends_as_crashed(zoomdb: Zoomdb, monkeypatch, capsys) -> None:
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    jobs._begin(zoomdb, job, "run-4")
    monkeypatch.setattr(runs, "PATIENCE", 0.4)

    assert main.run(["job", str(job), "--follow"]) == 1

    assert "Error: Unexpected" in capsys.readouterr().err
    assert jobs.newest(zoomdb)[0].state == "crashed"
