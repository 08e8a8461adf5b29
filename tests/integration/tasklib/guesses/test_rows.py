"""Guesses as rows of zoomdb."""

from dz.tasklib.detection import Guess
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind


def test_guesses_of_broken_text_can_be_stored(zoomdb: Zoomdb) -> None:
    job = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    rows.save(zoomdb, job, [Guess("static_root", ["\ud800", "a\0b"], "a\ud800.py:1")])
    assert [(one.value, one.basis) for one in rows.load(zoomdb, job)] == [(["?", "ab"], "a?.py:1")]


def test_guesses_are_read_as_they_were_stored_and_a_job_that_runs_again_replaces_its_own(zoomdb: Zoomdb) -> None:
    first, second = (jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={}) for _ in range(2))
    guesses = [
        Guess("wsgi", "a.wsgi:application", "a/wsgi.py:3", proof="proved", happened="it loads"),
        Guess("dependency_files", ["b.txt", "a.txt"], "b.txt", is_primary=False),
        Guess("environment", {"name": "TOKEN", "required": True}, "a/settings.py:1"),
    ]
    rows.save(zoomdb, first, [Guess("wsgi", "old", "x")])
    rows.save(zoomdb, second, [Guess("wsgi", "of another job", "x")])
    rows.save(zoomdb, first, guesses)
    assert rows.load(zoomdb, first) == guesses
    assert [one.value for one in rows.load(zoomdb, second)] == ["of another job"]
