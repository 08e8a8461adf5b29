"""What becomes of a launch's answers: what is clear is confirmed, all else is shown in a form."""

from pathlib import Path

import pytest

from dz.adapters.interpreters import Interpreter
from dz.adapters.python_downloads import Pythons
from dz.tasklib.jobs import jobs, log
from dz.tasklib.launches import answers, findings, launches
from dz.tasklib.launches.findings import Findings
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind
from tests import PROJECTS

URL = "https://git.example.org/me/shop.git"
PYTHONS = Pythons((Interpreter((3, 11, 2), Path("/usr/bin/python3.11")),))
KEY = "PAYMENT_KEY"
"""The variable that only the owner of this project can know."""


@pytest.fixture
def job(zoomdb: Zoomdb) -> int:
    job = jobs.open_job(zoomdb, JobKind.LAUNCH, params={"url": URL})
    launches.open_launch(zoomdb, job, seconds=100)
    findings.choose_project(zoomdb, job, name="shop", url=URL, ref=None)
    return job


def _findings(zoomdb: Zoomdb, job: int, **variables: str) -> Findings:
    project = findings.project_of(zoomdb, name="shop", url=URL, ref=None)
    stored.put(zoomdb, project.id, variables)
    check = launches.check_job(zoomdb, job, params={})
    root = PROJECTS / "src_layout"
    return findings.gather(zoomdb, check or 0, project, root, url=URL, config=None, pythons=PYTHONS)


def _fill(zoomdb: Zoomdb, found: Findings, job: int, *, straight_on: bool) -> None:
    answers.fill(zoomdb, found, job, name="shop", straight_on=straight_on, domain="localhost", seconds=100)


def test_where_nothing_is_to_be_asked_the_guesses_are_the_answer(zoomdb: Zoomdb, job: int) -> None:
    _fill(zoomdb, _findings(zoomdb, job, PAYMENT_KEY="x"), job, straight_on=True)
    launch = launches.get(zoomdb, job)
    assert (launch.confirmed, launch.form, launch.project) == (True, 0, "shop")


@pytest.mark.parametrize(("known", "straight_on"), [({KEY: "x"}, False), ({}, True)])
def test_a_form_is_shown_if_that_is_wanted_or_something_is_missing(
    zoomdb: Zoomdb, job: int, known: dict[str, str], *, straight_on: bool
) -> None:
    found = _findings(zoomdb, job, **known)
    _fill(zoomdb, found, job, straight_on=straight_on)
    answers.show(zoomdb, found, job, form=1)
    launch, view = launches.get(zoomdb, job), jobs.get(zoomdb, job)
    assert (launch.confirmed, launch.form) == (False, 1)
    assert view
    assert view.result["form"] == 1
    assert [one["name"] for one in view.result["wanted"]] == [name for name in (KEY,) if name not in known]


def test_an_answer_with_a_problem_is_shown_again_and_the_right_one_is_confirmed(zoomdb: Zoomdb, job: int) -> None:
    found = _findings(zoomdb, job)
    _fill(zoomdb, found, job, straight_on=False)
    answer = launches.get(zoomdb, job).answer
    answers.take(zoomdb, found, job, answer, domain="localhost", seconds=100)
    launch = launches.get(zoomdb, job)
    assert (launch.confirmed, launch.form, len(launch.problems)) == (False, 2, 1)
    assert KEY in launch.problems[0]
    assert launch.problems[0] in [line.message for line in log.lines(zoomdb, job)]

    answers.take(zoomdb, _findings(zoomdb, job, PAYMENT_KEY="x"), job, answer, domain="localhost", seconds=100)
    assert launches.get(zoomdb, job).confirmed


def test_an_answer_that_cannot_be_read_leaves_what_the_form_showed(zoomdb: Zoomdb, job: int) -> None:
    _fill(zoomdb, _findings(zoomdb, job), job, straight_on=False)
    before = launches.get(zoomdb, job)
    answers.refuse(zoomdb, job, ["processes: no number."], seconds=100)
    after = launches.get(zoomdb, job)
    assert (after.form, after.answer, after.problems) == (2, before.answer, ("processes: no number.",))


def test_a_launch_takes_over_what_its_deploy_has_made(zoomdb: Zoomdb, job: int) -> None:
    check, deploy = launches.check_job(zoomdb, job, params={}), launches.deploy_job(zoomdb, job, params={})
    jobs.set_result(zoomdb, check or 0, commit="c" * 40)
    jobs.set_result(zoomdb, deploy or 0, url="http://shop.localhost/", version=3)
    launches.take_result(zoomdb, job)
    view = jobs.get(zoomdb, job)
    assert view
    assert view.result == {"url": "http://shop.localhost/", "version": 3, "check": check, "deploy": deploy}
    assert launches.commit(zoomdb, job) == "c" * 40
