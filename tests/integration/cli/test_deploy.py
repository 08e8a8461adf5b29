import json

from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.jobs import jobs
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from tests.integration.cli.commands import dz


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
