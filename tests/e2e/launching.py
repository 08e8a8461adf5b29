"""Launches on the stack of the end-to-end tests: start one, wait for it, answer its form, find its process."""

import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import text

from dz.tasklib.checkouts.local_sources import publish_path
from dz.tasklib.launches import launches
from tests.e2e.conftest import Stack


def served(stack: Stack, path: Path) -> str:
    """Offer a folder by the stack's git server, under a URL that no other test's project comes from."""
    source = stack.state / "launched" / f"launched-{path.name}"
    shutil.copytree(path, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    server = next(host for host in stack.settings["git_hosts"] if host.startswith("git://"))
    return f"{server}/{publish_path(source, stack.state / 'git').name}.git"


def begin(stack: Stack, **request: Any) -> str:
    """Start a launch through Prefect's API, as its UI does, and return the flow run's id."""
    with stack.prefect() as client:
        deployment = client.get("/deployments/name/launch/launch").raise_for_status().json()["id"]
        answer = client.post(
            f"/deployments/{deployment}/create_flow_run",
            json={"parameters": {"request": request}, "state": {"type": "SCHEDULED"}},
        )
        return str(answer.raise_for_status().json()["id"])


def run_of(stack: Stack, run: str) -> dict[str, Any]:
    with stack.prefect() as client:
        found: dict[str, Any] = client.get(f"/flow_runs/{run}").raise_for_status().json()
        return found


def until(stack: Stack, run: str, state: str, *, form: int | None = None, seconds: float = 240) -> dict[str, Any]:
    """Wait until a run has a state, and its form that number; another end than that is shown."""
    deadline = time.monotonic() + seconds
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        found = run_of(stack, run)
        key = found["state"]["state_details"].get("pause_key") if found["state"] else None
        if found["state_name"] == state and form in (None, int((key or "-0").partition("-")[2])):
            return found
        assert found["state_type"] not in ("FAILED", "CRASHED") or state == found["state_name"], found["state"]
        time.sleep(0.5)
    raise AssertionError(f"{found['state_name']} after {seconds} s: {found['state']}")


def description(stack: Stack, run: str, form: int) -> str:
    """Wait for the text of a form, which Prefect keeps a moment after it has suspended the run."""
    deadline = time.monotonic() + 60
    with stack.prefect() as client:
        while True:
            found = client.get(f"/flow_runs/{run}/input/suspended-form-{form}-description")
            if found.status_code != httpx.codes.NOT_FOUND or time.monotonic() > deadline:
                return str(found.raise_for_status().json())
            time.sleep(0.1)


def answer(stack: Stack, run: str, **values: Any) -> httpx.Response:
    with stack.prefect() as client:
        return client.post(f"/flow_runs/{run}/resume", json={"run_input": values}).raise_for_status()


def job_of(stack: Stack, run: str) -> int:
    zoomdb = stack.zoomdb
    found = launches.of_run(zoomdb, run)
    zoomdb.close()
    assert found
    return found


def process_of(stack: Stack, job: int) -> psutil.Process:
    """The process that holds a job's lock."""
    zoomdb = stack.zoomdb
    query = text(
        "select application_name from pg_locks join pg_stat_activity using (pid)"
        " where locktype = 'advisory' and classid = 2 and objid = :job and granted"
    )
    with zoomdb.session() as session:
        name = session.scalar(query, {"job": job})
    zoomdb.close()
    assert name, f"nobody runs job {job}"
    return psutil.Process(int(name.removeprefix("dz ")))
