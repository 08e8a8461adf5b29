"""A launch goes on from a check only if it is of just what is launched, was tried out, and is not old."""

from typing import Any

import pytest
from sqlalchemy import text

from dz.tasklib.jobs import jobs
from dz.tasklib.launches import checks, launches
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind

URL, COMMIT = "https://example.org/site.git", "a" * 40


def _check(zoomdb: Zoomdb, *, ref: str | None = None, **result: Any) -> int:
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={"url": URL, "ref": ref, "prove": True})
    with jobs.running(zoomdb, job, f"run-{job}"):
        found = {"commit": COMMIT, "is_django": True, "proof": {"outcome": "proved"}} | result
        jobs.set_result(zoomdb, job, **found)
    return job


def _obstacle(zoomdb: Zoomdb, check: int, **other: Any) -> str | None:
    return checks.obstacle(zoomdb, check, **{"url": URL, "ref": None, "commit": COMMIT, **other})


def test_a_fresh_check_of_the_same_commit_is_gone_on_from(zoomdb: Zoomdb) -> None:
    check = _check(zoomdb)
    assert _obstacle(zoomdb, check) is None
    launch = jobs.open_job(zoomdb, JobKind.LAUNCH, params={})
    launches.open_launch(zoomdb, launch, seconds=60)
    launches.go_on_from(zoomdb, launch, check)
    assert launches.check_job(zoomdb, launch, params={}) is None  # nothing is left to do
    assert launches.commit(zoomdb, launch) == COMMIT
    assert launches.parts(zoomdb, launch) == []  # its log is not the launch's


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"url": "https://example.org/other.git"}, "another repository or branch"),
        ({"ref": "main"}, "another repository or branch"),
        ({"commit": "b" * 40}, "commit aaaaaaaaaaaa, and the newest one is bbbbbbbbbbbb"),
    ],
)
def test_a_check_of_something_else_is_not(zoomdb: Zoomdb, other: dict[str, str], words: str) -> None:
    assert words in str(_obstacle(zoomdb, _check(zoomdb), **other))


def test_a_check_that_ran_nothing_failed_or_is_old_is_not(zoomdb: Zoomdb) -> None:
    assert "only read" in str(_obstacle(zoomdb, _check(zoomdb, proof=None)))
    assert "no check" in str(_obstacle(zoomdb, 4711))
    assert "no check" in str(_obstacle(zoomdb, jobs.open_job(zoomdb, JobKind.LAUNCH, params={})))
    pending = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={"url": URL, "ref": None})
    assert "it is pending" in str(_obstacle(zoomdb, pending))
    old = _check(zoomdb)
    zoomdb.execute(text("update job set ended = now() - interval '25 hours' where id = :job"), {"job": old})
    assert "older than 24 hours" in str(_obstacle(zoomdb, old))
