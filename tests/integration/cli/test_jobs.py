import contextlib
import threading
import time

import pytest

from dz.cli import main
from dz.errors import HookFailed
from dz.tasklib import projects
from dz.tasklib.jobs import jobs, log
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind
from tests.integration.cli.commands import dz


def test_jobs_of_a_project_are_listed(zoomdb: Zoomdb, capsys) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={}, project_id=project.id, requested_by="cli:ann")
    assert dz(capsys, "jobs", "--project", "shop")[1]["jobs"][0]["id"] == job
    assert dz(capsys, "jobs", "--project", "other")[1]["jobs"] == []


def test_a_job_that_is_not_there_is_named(capsys) -> None:
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
