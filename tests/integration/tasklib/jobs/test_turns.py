"""The queue of a project, in a real zoomdb."""

import contextlib
from collections.abc import Iterator

import pytest

from dz.errors import Cancelled, Fenced, Superseded
from dz.tasklib import projects
from dz.tasklib.jobs import endings, jobs, leases, log, turns
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, JobState


@pytest.fixture
def project(zoomdb: Zoomdb) -> int:
    return projects.ensure(zoomdb, name="site", url="https://example.org/site", ref=None).id


def _begun(zoomdb: Zoomdb, stack: contextlib.ExitStack, project: int, kind: JobKind = JobKind.BUILD_AND_DEPLOY) -> int:
    job = jobs.open_job(zoomdb, kind, params={}, project_id=project)
    stack.enter_context(jobs.running(zoomdb, job, f"run-{job}"))
    return job


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as found:
        yield found


def _state(zoomdb: Zoomdb, job: int) -> str:
    return getattr(jobs.get(zoomdb, job), "state", "")


def test_one_job_at_a_time_has_the_turn_and_the_oldest_is_next(
    zoomdb: Zoomdb, project: int, stack: contextlib.ExitStack
) -> None:
    first, second = _begun(zoomdb, stack, project), _begun(zoomdb, stack, project, JobKind.ROLLBACK)
    third = _begun(zoomdb, stack, project)
    assert not turns.is_taken(zoomdb, project)
    assert turns.take(zoomdb, first, project) is None
    assert turns.is_taken(zoomdb, project)
    assert turns.take(zoomdb, second, project) == turns.Place(first, 1)
    assert turns.take(zoomdb, third, project) == turns.Place(first, 2)
    assert [_state(zoomdb, job) for job in (first, second, third)] == ["running", "queued", "queued"]
    endings.end(zoomdb, first, JobState.SUCCEEDED, None)
    assert turns.take(zoomdb, third, project) == turns.Place(second, 1)
    assert turns.take(zoomdb, second, project) is None
    assert turns.take(zoomdb, second, project) is None, "who has the turn keeps it"
    said = [line.message for line in log.lines(zoomdb, third) if line.type == "info"]
    assert said == [f"Waits in place 2 of this project's queue, behind job {first}."]


def test_of_deploys_that_wait_only_the_newest_is_done(
    zoomdb: Zoomdb, project: int, stack: contextlib.ExitStack
) -> None:
    running, older, back, newest = (
        _begun(zoomdb, stack, project, kind)
        for kind in (JobKind.BUILD_AND_DEPLOY, JobKind.BUILD_AND_DEPLOY, JobKind.ROLLBACK, JobKind.BUILD_AND_DEPLOY)
    )
    for job in (running, older, back, newest):
        turns.take(zoomdb, job, project)
    states = [_state(zoomdb, job) for job in (running, older, back, newest)]
    assert states == ["running", "superseded", "queued", "queued"]
    with pytest.raises(Superseded, match=f"Job {newest}, a newer deploy of this project"):
        turns.take(zoomdb, older, project)
    endings.cancel(zoomdb, back, by="cli:ann")
    with pytest.raises(Cancelled):
        turns.take(zoomdb, back, project)
    assert turns.take(zoomdb, newest, project) == turns.Place(running, 1)


def test_nobody_waits_for_a_job_that_is_silent_and_it_writes_nothing_when_it_goes_on(
    zoomdb: Zoomdb, project: int, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, newer = _begun(zoomdb, stack, project), _begun(zoomdb, stack, project)
    assert turns.take(zoomdb, stopped, project) is None
    with log.step(zoomdb, stopped, "as long as it has the turn"):
        pass
    monkeypatch.setattr(leases, "LEASE_SECONDS", -1.0)
    assert turns.take(zoomdb, newer, project) is None
    before = len(log.lines(zoomdb, stopped))
    with pytest.raises(Fenced, match="nothing was written"), log.step(zoomdb, stopped, "mark published"):
        raise AssertionError
    assert len(log.lines(zoomdb, stopped)) == before
    with pytest.raises(Fenced):
        turns.take(zoomdb, stopped, project)
