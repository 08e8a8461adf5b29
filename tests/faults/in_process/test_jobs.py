"""What becomes of jobs, and of what users see, when something goes wrong in the middle of a deploy."""

import contextlib
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from dz import wiring
from dz.errors import DzError, Fenced, ServiceUnavailable, Superseded
from dz.tasklib.jobs import jobs, leases, log, turns
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.releases import releases
from dz.worker import upkeep
from dz.zoomdb.states import JobKind
from tests.flows.conftest import POLLS, Platform

WAIT = 120.0
"""Seconds after which a condition that a test waits for counts as never coming."""


def deploy(**request: Any) -> JobView:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    zoomdb = wiring.zoomdb()
    job = jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={})
    build_and_deploy(DeployRequest(**request), job=job)
    return view(job)


def view(job: int) -> JobView:
    found = jobs.get(wiring.zoomdb(), job)
    assert found
    return found


def shown(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
        return str(answer.headers["X-DjangoZoom"])


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition, and return what it found."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came true")


@pytest.fixture(scope="module")
def live(platform: Platform, prefect: None) -> str:
    """The URL of a site that is live; its versions are made of the same tree."""
    for role in ("build", "database", "appserver", "proxy"):
        upkeep.beat(role, f"{role}-1")
    return str(deploy(project="faults", url=platform.publish("faults", POLLS)).result["url"])


def newest(state: str) -> JobView | None:
    found = jobs.newest(wiring.zoomdb(), limit=1)[0]
    return found if found.state == state else None


def test_of_deploys_that_come_while_one_runs_the_newest_goes_live_and_the_older_name_it(
    live: str, platform: Platform
) -> None:
    project = platform.project_id("faults")
    holder = jobs.open_job(platform.zoomdb, JobKind.ROLLBACK, params={}, project_id=project)
    with ThreadPoolExecutor(2) as threads:
        waiting: list[Future[JobView]] = []
        with jobs.running(platform.zoomdb, holder, "holds-the-turn"):
            assert turns.take(platform.zoomdb, holder, project) is None
            for number in (1, 2):
                waiting.append(threads.submit(deploy, project="faults", rebuild=True))
                until(lambda number=number: (found := newest("queued")) and found.id == holder + number)
        newer = waiting[1].result(WAIT)
        with pytest.raises(Superseded, match=f"Job {newer.id}, a newer deploy of this project"):
            waiting[0].result(WAIT)
    assert newer.state == "succeeded"
    assert shown(live) == f"faults v{newer.result['version']}"
    assert f"behind job {holder}." in "".join(line.message for line in log.lines(platform.zoomdb, newer.id))


def test_a_job_that_loses_its_connections_to_zoomdb_ends_as_it_would_have(live: str, platform: Platform) -> None:
    def cut() -> None:
        until(
            lambda: "verify" in {line.step for line in log.lines(platform.zoomdb, jobs.newest(platform.zoomdb)[0].id)}
        )
        with platform.zoomdb.session() as session:
            session.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            )

    with ThreadPoolExecutor(1) as threads:
        cutting = threads.submit(cut)
        found = deploy(project="faults", rebuild=True)
        cutting.result(WAIT)
    assert found.state == "succeeded"
    assert shown(live) == f"faults v{found.result['version']}"


def test_a_job_that_was_stopped_writes_nothing_over_newer_work(
    live: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older job stops just before it publishes; a newer one goes live; then the older one goes on."""
    stopped, go_on, publish = threading.Event(), threading.Event(), releases.publish
    older: list[int] = []

    def stop_first(zoomdb: Any, release: int, **rest: Any) -> None:
        if not older:
            older.append(release)
            stopped.set()
            assert go_on.wait(WAIT)
        publish(zoomdb, release, **rest)

    monkeypatch.setattr(releases, "publish", stop_first)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(deploy, project="faults", rebuild=True)
        assert stopped.wait(WAIT)
        with monkeypatch.context() as silent:
            silent.setattr(leases, "LEASE_SECONDS", -1.0)
            newer = deploy(project="faults", rebuild=True)
        go_on.set()
        with pytest.raises(Fenced, match="nothing was written"):
            first.result(WAIT)
    assert newer.state == "succeeded"
    assert shown(live) == f"faults v{newer.result['version']}"
    assert releases.current(platform.zoomdb, platform.project_id("faults")) != older[0]


def test_what_fails_after_the_change_over_is_not_said_to_have_failed(
    live: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ServiceUnavailable("zoomdb does not answer.", "Wait.")

    monkeypatch.setattr(releases, "retire", fail)
    with contextlib.suppress(DzError):
        deploy(project="faults", rebuild=True)
    found = jobs.newest(platform.zoomdb, limit=1)[0]
    assert found.state == "succeeded"
    assert shown(live) == f"faults v{found.result['version']}"
