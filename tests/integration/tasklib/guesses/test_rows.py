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
