"""Jobs that are cancelled, killed or repeated on a stack with workers: each ends, and users see what is said."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import select

from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Child, Deployment, Release, SitePort, VirtualHost
from dz.zoomdb.states import DeploymentState
from tests.e2e.conftest import ROOT, Stack

WAIT = 240.0
"""Seconds after which a condition that a test waits for counts as never coming."""
HOOK = """import time

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    def handle(self, **options):
        time.sleep({seconds})
"""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, and return what it found."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if found := condition():
                return found
        time.sleep(0.1)
    raise AssertionError(f"it never came true: {what}")


@pytest.fixture(scope="module")
def zoomdb(stack: Stack) -> Iterator[Zoomdb]:
    found = stack.zoomdb
    yield found
    found.close()


class Owner:
    """The owner of a site, who changes it and deploys it."""

    def __init__(self, stack: Stack, tree: Path) -> None:
        self.stack, self.tree = stack, tree
        self.url = ""

    def commit(self, *, hook_seconds: float = 0) -> None:
        """Commit a version whose release hooks take a while."""
        command = self.tree / "polls" / "management" / "commands" / "pause.py"
        command.parent.mkdir(parents=True, exist_ok=True)
        for package in (command.parent, command.parent.parent):
            (package / "__init__.py").touch()
        command.write_text(HOOK.format(seconds=hook_seconds))
        (self.tree / "zoombuild.cfg").write_text("[project]\nhooks =\n    migrate\n    pause\n")
        (self.tree / "README").write_text(f"{time.monotonic()}")
        who = ["-c", "user.name=Owner", "-c", "user.email=owner@example.org", "-c", "safe.directory=*"]
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "a version"]):
            subprocess.run(["git", *who, *words], cwd=self.tree, check=True, capture_output=True)

    def deploy(self) -> threading.Thread:
        """Deploy in the background."""
        thread = threading.Thread(target=self.stack.run, args=("try", str(self.tree)))
        thread.start()
        return thread


@pytest.fixture(scope="module")
def owner(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Owner:
    tree = tmp_path_factory.mktemp("owner") / "polls"
    shutil.copytree(ROOT / "demo" / "polls", tree, ignore=shutil.ignore_patterns("__pycache__"))
    found = Owner(stack, tree)
    found.commit()
    found.url = str(stack.json("try", str(tree))["url"])
    return found


def took(what: str, since: float) -> None:
    """Print how long something took, for the table of faults."""
    sys.stdout.write(f"{what} after {time.monotonic() - since:.1f} s\n")


def shown(zoomdb: Zoomdb) -> set[str]:
    """What the two proxies show."""
    query = select(SitePort.port).join(VirtualHost, SitePort.virtual_host_id == VirtualHost.id)
    with zoomdb.session() as session:
        ports = list(session.scalars(query))
    answers = [httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=20) for port in ports]
    assert len(answers) == 2
    return {answer.headers.get("X-DjangoZoom", str(answer.status_code)) for answer in answers}


def said(stack: Stack) -> str:
    """What is said to be shown."""
    current = [one["number"] for one in stack.json("versions", "polls")["versions"] if one["current"]]
    return f"polls v{current[0]}"


def newest(zoomdb: Zoomdb, after: int) -> JobView | None:
    found = next((job for job in jobs.newest(zoomdb, limit=3) if job.kind == "build_and_deploy"), None)
    return found if found and found.id > after else None


def last(zoomdb: Zoomdb) -> int:
    return jobs.newest(zoomdb, limit=1)[0].id


def begun(zoomdb: Zoomdb, after: int, step: str) -> JobView:
    """Wait until a newer deploy has begun a step, and return its job."""

    def found() -> JobView | None:
        job = newest(zoomdb, after)
        steps = [line.step for line in log.lines(zoomdb, job.id) if line.type == "step_begin"] if job else []
        return job if any(name.startswith(step) for name in steps) else None

    return until(found, f"{step} has begun")  # type: ignore[no-any-return]


def ended(zoomdb: Zoomdb, job: int) -> JobView:
    def found() -> JobView | None:
        view = jobs.get(zoomdb, job)
        return view if view and view.finished else None

    return until(found, f"job {job} has ended")  # type: ignore[no-any-return]


def nothing_left(zoomdb: Zoomdb, job: int) -> bool:
    """Whether no process works for a job, and no app instance that it has started is there."""
    unserved = (DeploymentState.STARTING, DeploymentState.HEALTHY, DeploymentState.RETIRING)
    with zoomdb.session() as session:
        rows = session.scalars(select(Child.id).where(Child.job_id == job)).all()
        query = select(Deployment.id).where(Deployment.job_id == job, Deployment.state.in_(unserved))
        return not rows and not session.scalars(query).all()


def started(zoomdb: Zoomdb, job: int) -> list[int]:
    """The app instances that a job has begun."""
    with zoomdb.session() as session:
        return list(session.scalars(select(Deployment.id).where(Deployment.job_id == job)))


def processes(stack: Stack, instances: list[int]) -> list[int]:
    """The processes of app instances and their hooks."""
    places = [f"/instances/{number}/" for number in instances]
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(stack.state) in words and any(place in words for place in places):
            found.append(process.pid)
    return found


def runs(stack: Stack, zoomdb: Zoomdb, job: int) -> dict[str, str]:
    """The flow runs of a job, and their states in Prefect."""
    view = jobs.get(zoomdb, job)
    assert view
    found = [
        run for run in stack.all("flow_runs") if run["parameters"].get("job") == job or run["id"] == view.flow_run_id
    ]
    return {run["name"]: run["state_type"] for run in found}


def state_of(stack: Stack, run: str | None) -> str:
    with stack.prefect() as client:
        return str(client.get(f"/flow_runs/{run}").json()["state_type"])


def set_state(stack: Stack, run: str | None, kind: str, name: str) -> None:
    with stack.prefect() as client:
        body = {"state": {"type": kind, "name": name}}
        client.post(f"/flow_runs/{run}/set_state", json=body).raise_for_status()


@pytest.mark.parametrize("how", ["dz cancel", "Prefect", "delete"])
def test_a_deploy_that_is_cancelled_at_its_hooks_leaves_nothing(
    stack: Stack, owner: Owner, zoomdb: Zoomdb, how: str
) -> None:
    before, serves = last(zoomdb), said(stack)
    owner.commit(hook_seconds=3000)
    deploy = owner.deploy()
    job = begun(zoomdb, before, "run release hooks")
    instances = until(lambda: started(zoomdb, job.id), "an app instance was begun")
    if how == "dz cancel":
        assert stack.json("cancel", str(job.id))["state"] == "cancelled"
    elif how == "Prefect":
        set_state(stack, job.flow_run_id, "CANCELLING", "Cancelling")
    else:
        # Prefect answers 500 where its deletion deadlocks with what the run reports just then; a person asks again.
        with stack.prefect() as client:
            until(lambda: client.delete(f"/flow_runs/{job.flow_run_id}").is_success, "its flow run is deleted")
    asked = time.monotonic()
    view = ended(zoomdb, job.id)
    assert (view.state, view.failure and view.failure.code) == ("cancelled", "Cancelled")
    assert ("cli:" if how == "dz cancel" else "prefect:") in (view.failure.found if view.failure else "")
    until(lambda: nothing_left(zoomdb, job.id) and not processes(stack, instances), "nothing is left")
    took(f"cancelled by {how}: nothing left", asked)
    deploy.join(WAIT)
    assert shown(zoomdb) == {serves} == {said(stack)}
    if how != "delete":
        until(lambda: set(runs(stack, zoomdb, job.id).values()) <= {"CANCELLED", "COMPLETED"}, "Prefect says so")
    owner.commit()
    version = stack.json("try", str(owner.tree))["version"]
    assert shown(zoomdb) == {f"polls v{version}"}


def test_a_run_that_is_repeated_in_prefect_is_a_further_attempt(stack: Stack, owner: Owner, zoomdb: Zoomdb) -> None:
    before = last(zoomdb)
    owner.commit(hook_seconds=3000)
    deploy = owner.deploy()
    job = begun(zoomdb, before, "run release hooks")
    stack.json("cancel", str(job.id))
    deploy.join(WAIT)
    until(lambda: nothing_left(zoomdb, job.id), "nothing is left")
    # Its own run, not one of its children: a state that is set before that would be overtaken by the cancellation.
    until(lambda: state_of(stack, job.flow_run_id) == "CANCELLED", "Prefect says so")
    owner.commit()
    with zoomdb.session() as session:
        known = session.scalars(select(Release.number).order_by(Release.number.desc()).limit(1)).one()
    set_state(stack, job.flow_run_id, "SCHEDULED", "AwaitingRetry")
    view = until(
        lambda: (now := jobs.get(zoomdb, job.id)) and now.attempt == 2 and now.finished and now, "a second attempt"
    )
    assert (view.state, view.result["version"]) == ("succeeded", known + 1)
    assert shown(zoomdb) == {f"polls v{known + 1}"} == {said(stack)}


def _server(zoomdb: Zoomdb, job: int) -> str:
    """The appserver that runs the hooks of a job."""
    steps = [line.step for line in log.lines(zoomdb, job) if line.step.startswith("run release hooks on ")]
    return steps[0].removeprefix("run release hooks on ")


def _run_of(zoomdb: Zoomdb, job: int, server: str) -> int:
    """The process that works for a job on a server."""

    def found() -> int | None:
        query = select(Child.pid).where(Child.job_id == job, Child.ended.is_(None))
        with zoomdb.session() as session:
            return session.scalar(query.where(Child.server.startswith(server)).limit(1))

    return until(found, f"work on {server}")  # type: ignore[no-any-return]


def test_a_deploy_whose_run_is_killed_on_an_appserver_goes_live_on_the_other(
    stack: Stack, owner: Owner, zoomdb: Zoomdb
) -> None:
    before = last(zoomdb)
    owner.commit(hook_seconds=10)
    deploy = owner.deploy()
    job = begun(zoomdb, before, "run release hooks")
    os.kill(_run_of(zoomdb, job.id, _server(zoomdb, job.id)), signal.SIGKILL)
    deploy.join(WAIT)
    view = ended(zoomdb, job.id)
    assert view.state == "succeeded", view.failure
    hooks = {line.step for line in log.lines(zoomdb, job.id) if line.step.startswith("run release hooks")}
    assert hooks == {"run release hooks on appserver-1", "run release hooks on appserver-2"}
    assert shown(zoomdb) == {f"polls v{view.result['version']}"} == {said(stack)}


def test_what_users_see_and_what_is_said_agree_soon_after_a_build_was_killed_at_its_change_over(
    stack: Stack, owner: Owner, zoomdb: Zoomdb
) -> None:
    before = last(zoomdb)
    owner.commit()
    deploy = owner.deploy()
    job = begun(zoomdb, before, "update vhosts")

    def changed() -> bool:
        return "step_end" in {line.type for line in log.lines(zoomdb, job.id) if line.step.startswith("update vhosts")}

    until(changed, "a proxy shows the new version")
    with contextlib.suppress(ProcessLookupError):
        os.kill(_run_of(zoomdb, job.id, "build"), signal.SIGKILL)
    killed = time.monotonic()
    view = ended(zoomdb, job.id)
    until(lambda: shown(zoomdb) == {said(stack)}, "users see what is said")
    took(f"killed at the change-over, {view.state}: agreed", killed)
    deploy.join(WAIT)
    number = view.result["version"]
    assert (view.state == "succeeded") == (said(stack) == f"polls v{number}")
    until(lambda: nothing_left(zoomdb, job.id), "nothing is left")


def test_a_deploy_outlives_the_end_of_a_worker_with_its_fork_server_and_runs(
    stack: Stack, owner: Owner, zoomdb: Zoomdb
) -> None:
    before = last(zoomdb)
    owner.commit(hook_seconds=10)
    deploy = owner.deploy()
    job = begun(zoomdb, before, "run release hooks")
    run = psutil.Process(_run_of(zoomdb, job.id, _server(zoomdb, job.id)))
    worker = next(one for one in run.parents() if "dz.worker" in " ".join(one.cmdline()))
    for process in [*worker.children(recursive=True), worker]:
        with contextlib.suppress(psutil.Error):
            if process.name().startswith(("dz-", "python")):
                process.kill()
    killed = time.monotonic()
    deploy.join(WAIT)
    view = ended(zoomdb, job.id)
    took(f"worker, fork-server and runs killed: {view.state}", killed)
    assert view.state == "succeeded", view.failure
    assert shown(zoomdb) == {f"polls v{view.result['version']}"} == {said(stack)}
