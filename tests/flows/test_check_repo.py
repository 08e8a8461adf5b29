"""check_repo as a local flow run: guesses at once, then proved by running; a project that does not load is a result."""

from pathlib import Path
from typing import Any

import pytest

from dz import wiring
from dz.tasklib import projects
from dz.tasklib.detection import Guess
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.variables import stored
from tests.flows.conftest import Platform

PROJECTS = Path(__file__).parents[1] / "projects"


def _check(url: str, **source: Any) -> tuple[JobView, dict[str, Guess]]:
    from flows.check_repo import check_repo  # noqa: PLC0415
    from tasks.parameters import Source  # noqa: PLC0415

    state = check_repo(Source(url=url, **source), return_state=True)
    assert state.is_completed()
    job = jobs.newest(wiring.zoomdb(), limit=1)[0]
    return job, {g.field: g for g in rows.load(wiring.zoomdb(), job.id) if g.is_primary}


def test_guesses_are_proved_and_nothing_of_the_environment_is_left(platform: Platform) -> None:
    job, found = _check(platform.publish("proved", PROJECTS / "sqlite_single"))
    assert (job.state, job.result["proof"]["outcome"], job.result["ambiguous"]) == ("succeeded", "proved", False)
    assert (found["settings_module"].proof, found["settings_module"].value) == ("proved", "mysite.settings")
    assert "first page reads the database" in found["settings_module"].happened
    assert not list(platform.state.rglob(".new-*"))


def test_without_proof_nothing_of_the_project_is_run(platform: Platform) -> None:
    job, found = _check(platform.publish("unproved", PROJECTS / "sqlite_single"), prove=False)
    assert {guess.proof for guess in found.values()} == {"read"}
    assert "proof" not in job.result
    assert "prove" not in log.step_seconds(log.lines(platform.zoomdb, job.id))


def test_a_project_that_does_not_load_is_a_result(platform: Platform) -> None:
    job, found = _check(platform.publish("broken", PROJECTS / "wsgi_broken"))
    assert (job.state, job.failure) == ("succeeded", None)
    assert job.result["proof"]["outcome"] == found["wsgi"].proof == "conflicting"
    assert "site1/wsgi.py:4" in found["wsgi"].happened


def test_a_known_project_is_proved_with_its_variables_which_are_shown_nowhere(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "a-secret-of-the-owner"
    url = platform.publish("variables", PROJECTS / "needs_variables")
    project = projects.ensure(platform.zoomdb, name="variables", url=url, ref=None)
    stored.put(platform.zoomdb, project.id, {"PAYMENT_TOKEN": secret, "PAGE_LENGTH": "20"})
    job, _ = _check(url)
    assert job.result["proof"]["outcome"] == "proved"
    assert job.result["proof"]["attempts"][0]["stood_in"] == []
    lines = log.lines(platform.zoomdb, job.id)
    assert secret not in caplog.text + str(job.result) + "".join(line.message for line in lines)
    other, _ = _check(url, ref="main")
    assert other.result["proof"]["attempts"][0]["stood_in"], "another ref may be another author"
