"""The log of a job in a real zoomdb."""

import pytest

from dz.errors import NotDjango
from dz.tasklib.jobs import jobs, log
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, LogType


@pytest.fixture
def job(zoomdb: Zoomdb) -> int:
    return jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})


def test_a_step_that_fails_says_why_and_has_no_end(zoomdb: Zoomdb, job: int) -> None:
    with log.step(zoomdb, job, "check out"):
        pass
    with pytest.raises(NotDjango), log.step(zoomdb, job, "inspect code"):
        raise NotDjango("No manage.py.", "Give another URL.")
    found = log.lines(zoomdb, job)
    assert [(line.type, line.step) for line in found] == [
        ("step_begin", "check out"),
        ("step_end", "check out"),
        ("step_begin", "inspect code"),
        ("error", "inspect code"),
    ]
    assert "No manage.py." in found[-1].message
    assert list(log.step_seconds(found)) == ["check out"]


def test_what_a_job_warns_of_is_in_the_log_of_its_flow_run_too(
    zoomdb: Zoomdb, job: int, caplog: pytest.LogCaptureFixture
) -> None:
    log.note(zoomdb, job, ["old Django"], info="2 candidates")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("dz.jobs", "old Django")]


def test_a_reader_goes_on_after_the_line_that_it_has_seen(zoomdb: Zoomdb, job: int) -> None:
    other = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    log.note(zoomdb, job, ["old Django", "no tests"], info="2 candidates")
    log.write(zoomdb, other, LogType.INFO, "of the child")
    first, *rest = log.lines(zoomdb, job, other)
    assert [(line.type, line.message) for line in rest] == [
        ("warn", "no tests"),
        ("info", "2 candidates"),
        ("info", "of the child"),
    ]
    assert log.lines(zoomdb, job, other, after=first.id) == rest
    assert [line.message for line in log.lines(zoomdb, other)] == ["of the child"]


def test_what_a_project_prints_steers_no_terminal(zoomdb: Zoomdb, job: int) -> None:
    log.write(zoomdb, job, LogType.INFO, "\x1b[2Jred\x00\x9b1m\tand\nblue")
    (line,) = log.lines(zoomdb, job)
    assert line.message == "[2Jred1m\tand\nblue"
