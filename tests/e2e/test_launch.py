"""A launch waits for a person without holding anything, repeats nothing when it is resumed, and outlives a kill."""

import time
from pathlib import Path

import httpx
import pytest

from dz.tasklib import projects
from dz.tasklib.jobs import endings, jobs, log
from dz.tasklib.launches import launches
from dz.tasklib.releases import releases
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, LogType
from tests.e2e.conftest import ROOT, Stack
from tests.e2e.launching import answer, begin, description, job_of, process_of, run_of, served, until

POLLS = ROOT / "demo" / "polls"
SHOP = ROOT / "tests" / "projects" / "src_layout"


@pytest.fixture(scope="module")
def polls_url(stack: Stack) -> str:
    return served(stack, POLLS)


def _steps(stack: Stack, job: int | None) -> list[str]:
    zoomdb = stack.zoomdb
    found = [line.step for line in log.lines(zoomdb, job or 0) if line.type == LogType.STEP_BEGIN]
    zoomdb.close()
    return found


def test_two_forms_wait_at_once_without_a_process_and_one_that_nobody_answers_expires(
    stack: Stack, polls_url: str
) -> None:
    patient = begin(stack, url=polls_url, project="patient")
    hasty = begin(stack, url=polls_url, project="hasty", answer_within=20)
    until(stack, patient, "Suspended")
    until(stack, hasty, "Suspended")
    zoomdb = stack.zoomdb
    waiting, late = job_of(stack, patient), job_of(stack, hasty)
    with pytest.raises(AssertionError, match="nobody runs"):
        process_of(stack, waiting)
    assert endings.reap(zoomdb) == []  # who waits has not crashed

    until(stack, hasty, "Expired", seconds=120)
    assert _end(zoomdb, late) == ("expired", "FormExpired")
    other = jobs.get(zoomdb, waiting)
    assert other
    assert other.state == "waiting"

    with stack.prefect() as client:
        client.post(f"/flow_runs/{patient}/set_state", json={"state": {"type": "CANCELLED"}, "force": True})
    assert _end(zoomdb, waiting) == ("failed", "LaunchCancelled")
    zoomdb.close()


def _end(zoomdb: Zoomdb, job: int | None) -> tuple[str, str] | None:
    """How a job ended; zoomdb is told a moment after Prefect."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        view = jobs.get(zoomdb, job or 0)
        if view and view.failure:
            return str(view.state), view.failure.code
        time.sleep(0.5)
    return None


def test_an_answer_is_judged_and_shown_again_and_what_was_confirmed_is_what_runs(stack: Stack) -> None:
    run = begin(stack, url=served(stack, SHOP), project="formshop")
    until(stack, run, "Suspended", form=1)
    assert "dz variables formshop --ask PAYMENT_KEY" in description(stack, run, 1)

    refused = answer(stack, run, processes="many")
    assert (refused.status_code, refused.json()["status"]) == (200, "REJECT")  # by Prefect, which checks types
    assert run_of(stack, run)["state_name"] == "Suspended"

    answer(stack, run, django_settings_module="shop.gone", processes=3, instances=1000)
    until(stack, run, "Suspended", form=2)
    text = description(stack, run, 2)
    assert "instances: '1000' is not a number from 1 to 100" in text
    assert "no module 'shop.gone'" in text
    assert "PAYMENT_KEY is a secret that nobody has set" in text
    assert stack.run("variables", "formshop", "--set", "PAYMENT_KEY=canary-9d2e").returncode == 0
    # What was typed is still in the form: only what is wrong is typed again.
    answer(stack, run, django_settings_module="shop.settings.production", instances=1)
    until(stack, run, "Completed")

    zoomdb = stack.zoomdb
    job = job_of(stack, run)
    launch, view = launches.get(zoomdb, job), jobs.get(zoomdb, job)
    assert view
    assert view.state == "succeeded"
    checks = [one for one in jobs.newest(zoomdb, limit=50) if one.requested_by == f"launch:{job}"]
    assert sorted(one.kind for one in checks) == [JobKind.BUILD_AND_DEPLOY, JobKind.CHECK_REPO]
    assert _steps(stack, launch.check).count("check out source") == 1

    config = stack.run("config", "formshop").stdout
    assert config == launch.answer["config"]
    assert "processes = 3" in config
    assert stack.json("config", "formshop")["versions"][0]["version"] == 1
    assert httpx.get(view.result["url"], trust_env=False, timeout=20).status_code == 200
    with stack.prefect() as client:
        everything = str(client.post("/flow_runs/filter", json={"limit": 200}).json())
    assert "canary-9d2e" not in everything
    zoomdb.close()


def test_the_exported_configuration_is_accepted_by_a_deploy(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "zoombuild.cfg"
    path.write_text(stack.run("config", "formshop").stdout.replace("processes = 3", "processes = 2"))
    stack.json("deploy", "formshop", "--config", str(path))
    found = stack.json("config", "formshop")
    assert [one["version"] for one in found["versions"]] == [2, 1]
    assert "processes = 3" in stack.run("config", "formshop", "--version", "1").stdout


def test_a_resumed_run_that_is_killed_goes_on_where_it_was_and_deploys_once(stack: Stack, polls_url: str) -> None:
    run = begin(stack, url=polls_url, project="killed")
    until(stack, run, "Suspended")
    answer(stack, run)
    job, zoomdb = job_of(stack, run), stack.zoomdb
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and "plan build" not in _steps(stack, launches.get(zoomdb, job).deploy):
        time.sleep(0.1)
    before = launches.get(zoomdb, job)
    process_of(stack, job).kill()
    deadline, states = time.monotonic() + 60, {""}
    while time.monotonic() < deadline and states != {"crashed"}:
        endings.reap(zoomdb)
        states = {getattr(jobs.get(zoomdb, one or 0), "state", "") for one in (job, before.deploy)}
        time.sleep(0.5)
    assert states == {"crashed"}

    until(stack, run, "Crashed", seconds=150)
    with stack.prefect() as client:  # what Retry in the UI does
        again = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        client.post(f"/flow_runs/{run}/set_state", json={"state": again}).raise_for_status()
    until(stack, run, "Completed")
    after, view = launches.get(zoomdb, job), jobs.get(zoomdb, job)
    assert view
    assert (after.check, after.deploy, after.form, view.state) == (before.check, before.deploy, 1, "succeeded")
    assert _steps(stack, after.check).count("check out source") == 1
    assert len(releases.listed(zoomdb, projects.find(zoomdb, "killed").id)) == 1
    zoomdb.close()


def test_the_terminal_launches_what_is_clear_and_names_what_is_missing_otherwise(stack: Stack, polls_url: str) -> None:
    done = stack.json("launch", polls_url, "--name", "clear", "--yes")
    assert httpx.get(done["url"], trust_env=False, timeout=20).status_code == 200

    refused = stack.run("launch", served(stack, SHOP), "--name", "unclear", "--yes", "--json")
    assert refused.returncode == 1
    assert "--ask PAYMENT_KEY" in refused.stdout
    assert "--set PAYMENT_KEY" not in refused.stdout
    assert "--resume" in refused.stdout
