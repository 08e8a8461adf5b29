"""What a launch keeps in zoomdb: nothing is repeated, what failed is asked again, what expired is over."""

import contextlib

import pytest

from dz.errors import DeployInProgress, HookFailed, StackProblem
from dz.tasklib.jobs import endings, jobs
from dz.tasklib.launches import launches
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.states import JobKind, JobState

URL = "https://git.example.org/me/shop.git"


def _launch(zoomdb: Zoomdb, run: str = "run-1") -> int:
    job = jobs.open_job(zoomdb, JobKind.LAUNCH, params={"url": URL})
    launches.open_launch(zoomdb, job, seconds=100)
    _stopped(zoomdb, job, run, waits=True)
    return job


def _stopped(zoomdb: Zoomdb, job: int, run: str, *, waits: bool) -> None:
    """Begin a job whose process ends by a signal, as Prefect's that suspends a run."""
    with contextlib.suppress(SystemExit), jobs.running(zoomdb, job, run):
        (jobs.wait if waits else jobs.go_on)(zoomdb, job)
        raise SystemExit


def _finish(zoomdb: Zoomdb, job: int | None) -> None:
    with jobs.running(zoomdb, job or 0, f"part-{job}"):
        pass


def test_a_part_that_is_done_is_not_run_again_and_one_that_died_keeps_its_job(zoomdb: Zoomdb) -> None:
    job = _launch(zoomdb)
    check = launches.check_job(zoomdb, job, params={})
    assert launches.check_job(zoomdb, job, params={}) == check  # it died before it began
    _finish(zoomdb, check)
    assert launches.check_job(zoomdb, job, params={}) is None

    deploy = launches.deploy_job(zoomdb, job, params={"n": 1})
    assert deploy
    with pytest.raises(KeyboardInterrupt), jobs.running(zoomdb, deploy, "part-deploy"):
        raise KeyboardInterrupt
    assert launches.deploy_job(zoomdb, job, params={"n": 2}) == deploy
    assert launches.parts(zoomdb, job) == [check, deploy]
    _finish(zoomdb, deploy)
    assert launches.deploy_job(zoomdb, job, params={}) is None


def test_a_deploy_that_still_runs_elsewhere_is_not_begun_again(zoomdb: Zoomdb) -> None:
    job = _launch(zoomdb)
    deploy = launches.deploy_job(zoomdb, job, params={})
    with zoomdb.try_lock(locks.JOB, deploy or 0), pytest.raises(DeployInProgress, match="still running"):
        launches.deploy_job(zoomdb, job, params={})


def test_a_launch_that_waits_has_not_crashed_and_its_run_finds_it_again(zoomdb: Zoomdb) -> None:
    job = _launch(zoomdb, "run-7")
    assert endings.reap(zoomdb) == []
    assert launches.of_run(zoomdb, "run-7") == job
    assert launches.of_run(zoomdb, "run-8") is None
    view = jobs.get(zoomdb, job)
    assert view
    assert (view.state, view.finished) == ("waiting", False)
    _stopped(zoomdb, job, "run-7", waits=True)
    assert [waiting[0] for waiting in launches.waiting(zoomdb)] == [job]


def test_a_form_that_nobody_answers_ends_its_launch_as_expired(zoomdb: Zoomdb) -> None:
    job = _launch(zoomdb)
    launches.set_form(zoomdb, job, {"project": "shop"}, [], seconds=100)
    assert launches.waiting(zoomdb) == [(job, "run-1", False)]
    launches.set_form(zoomdb, job, {"project": "shop"}, [], seconds=-1)
    assert launches.waiting(zoomdb) == [(job, "run-1", True)]
    launches.expire(zoomdb, job)
    view = jobs.get(zoomdb, job)
    assert view
    assert view.failure
    assert (view.state, view.failure.code, view.finished) == ("expired", "FormExpired", True)
    assert launches.waiting(zoomdb) == []


def test_after_a_failed_deploy_a_run_that_is_repeated_asks_again_with_the_failure_above_the_form(
    zoomdb: Zoomdb,
) -> None:
    job = _launch(zoomdb)
    launches.set_form(zoomdb, job, {"project": "shop"}, [], seconds=100)
    launches.confirm(zoomdb, job, {"project": "shop"}, "[project]\n")
    with pytest.raises(HookFailed), jobs.running(zoomdb, job, "run-1"):
        raise HookFailed("Migration shop.0002 failed.", "Correct it.")
    launches.open_launch(zoomdb, job, seconds=100)
    view = launches.get(zoomdb, job)
    assert (view.confirmed, view.form, view.problems) == (False, 2, ("Migration shop.0002 failed. Correct it.",))


def test_after_a_kill_a_run_that_is_repeated_goes_on_with_what_was_confirmed(zoomdb: Zoomdb) -> None:
    job = _launch(zoomdb)
    launches.confirm(zoomdb, job, {"project": "shop"}, "[project]\n")
    _stopped(zoomdb, job, "run-1", waits=False)
    assert getattr(jobs.get(zoomdb, job), "state", "") == JobState.CRASHED
    launches.open_launch(zoomdb, job, seconds=100)
    assert launches.get(zoomdb, job).confirmed


def test_only_a_launch_can_be_shown_as_one(zoomdb: Zoomdb) -> None:
    job = jobs.open_job(zoomdb, JobKind.ROLLBACK, params={})
    with pytest.raises(StackProblem, match="is no launch"):
        launches.get(zoomdb, job)
