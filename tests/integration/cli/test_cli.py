import contextlib
import json
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from dz.cli import main, runs
from dz.errors import HookFailed
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.jobs import jobs, log
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, LogType


@pytest.fixture(autouse=True)
def here(zoomdb: Zoomdb, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DZ_ZOOMDB_URL", zoomdb.url)
    monkeypatch.setenv("DZ_ENCRYPTION_KEY_FILE", str(key_file))
    monkeypatch.setenv("DZ_GIT_HOSTS", '["git://127.0.0.1:9418"]')
    for name in ("DZ_LOCAL_MODE", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "PREFECT_HOME"):
        monkeypatch.setenv(name, "")  # so that what the command sets is undone
        monkeypatch.delenv(name)
    settings.cache_clear()
    yield
    settings.cache_clear()


def dz(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict]:
    code = main.run([*argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_projects_and_jobs_are_listed(zoomdb: Zoomdb, capsys) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={}, project_id=project.id, requested_by="cli:ann")

    code, found = dz(capsys, "projects")
    assert (code, found["projects"][0]["name"], found["projects"][0]["source_url"]) == (
        *(0, "shop"),
        "https://example.org/shop.git",
    )
    assert dz(capsys, "jobs", "--project", "shop")[1]["jobs"][0]["id"] == job
    assert dz(capsys, "jobs", "--project", "other")[1]["jobs"] == []
    assert dz(capsys, "versions", "shop") == (0, {"project": "shop", "versions": []})
    assert dz(capsys, "versions", "none")[1]["error"]["code"] == "UnknownProject"
    assert dz(capsys, "servers") == (0, {"servers": []})
    assert dz(capsys, "job", "999")[1]["error"]["found"] == "There is no job 999."


def test_following_a_job_shows_its_steps_and_ends_with_its_failure(zoomdb: Zoomdb, capsys) -> None:
    job = jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={})

    def work() -> None:
        with contextlib.suppress(HookFailed), jobs.running(zoomdb, job, "run-1"):
            with log.step(zoomdb, job, "install dependencies"):
                time.sleep(0.4)
            raise HookFailed("migrate ended with 1.", "Correct the migration 0002_x.")

    worker = threading.Thread(target=work)
    worker.start()
    code = main.run(["job", str(job), "--follow"])
    worker.join()

    written = capsys.readouterr()
    assert code == 1
    assert "  done    install dependencies  0.4 s" in written.err
    assert "Error: HookFailed" in written.err
    assert "What to do (project owner): Correct the migration 0002_x." in written.err
    code, found = dz(capsys, "job", str(job))
    assert (code, found["state"], found["failure"]["actor"]) == (0, "failed", "project owner")
    assert found["steps"] == {"install dependencies": pytest.approx(0.4, abs=0.3)}


def test_a_deploy_without_a_prefect_server_fails_and_leaves_no_pending_job(zoomdb: Zoomdb, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DZ_GIT_HOSTS", '["git://127.0.0.1:9418"]')
    settings.cache_clear()
    code, found = dz(capsys, "deploy", "git://127.0.0.1:9418/shop.git")

    assert (code, found["error"]["code"]) == (1, "StackProblem")
    (job,) = jobs.newest(zoomdb)
    assert (job.state, job.failure and job.failure.code) == ("failed", "StackProblem")


def test_a_deploy_of_an_unknown_project_makes_no_job(zoomdb: Zoomdb, capsys) -> None:
    assert dz(capsys, "deploy", "shop")[1]["error"]["code"] == "UnknownProject"
    assert jobs.newest(zoomdb) == []


def test_variables_are_stored_encrypted_and_are_no_parameters(zoomdb: Zoomdb, capsys) -> None:
    dz(capsys, "deploy", "git://127.0.0.1:9418/shop.git", "--set", "MAIL_TOKEN=s3cret-value")

    (project,) = projects.listed(zoomdb)
    assert stored.of_project(zoomdb, project.id) == {"MAIL_TOKEN": "s3cret-value"}
    (job,) = jobs.newest(zoomdb)
    assert job.params["project"] == "shop"
    assert "s3cret" not in json.dumps(job.params)


def test_variables_for_a_source_that_is_not_allowed_store_nothing(zoomdb: Zoomdb, capsys) -> None:
    code, found = dz(capsys, "deploy", "file:///etc", "--set", "MAIL_TOKEN=x")

    assert (code, found["error"]["code"]) == (1, "InvalidRepoUrl")
    assert projects.listed(zoomdb) == []
    assert jobs.newest(zoomdb) == []


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


def test_a_local_flow_that_is_interrupted_says_so(tiny_flow: types.ModuleType, zoomdb: Zoomdb, capsys) -> None:
    def interrupted(request: object, job: int, *, return_state: bool) -> None:
        with jobs.running(zoomdb, job, "run-3"):
            raise KeyboardInterrupt

    tiny_flow.tiny = interrupted  # type: ignore[attr-defined]

    assert main.run(["deploy", "git://127.0.0.1:9418/shop.git", "--local"]) == 130

    assert "was ended" in capsys.readouterr().err
    assert jobs.newest(zoomdb)[0].state == "crashed"


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
