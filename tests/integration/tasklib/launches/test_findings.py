"""What a launch knows of a repository, and what an answer makes of it."""

from pathlib import Path

import pytest

from dz.adapters.interpreters import Interpreter
from dz.errors import InvalidName
from dz.tasklib import projects
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs
from dz.tasklib.launches import findings, launches
from dz.tasklib.launches.findings import Findings
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind
from tests import PROJECTS

SHOP = PROJECTS / "src_layout"
URL = "https://git.example.org/me/shop.git"
PYTHONS = [Interpreter((3, 11, 2), Path("/usr/bin/python3.11"))]


def _launch(zoomdb: Zoomdb) -> int:
    job = jobs.open_job(zoomdb, JobKind.LAUNCH, params={"url": URL})
    launches.open_launch(zoomdb, job, seconds=100)
    return job


def _findings(zoomdb: Zoomdb) -> Findings:
    project = findings.project_of(zoomdb, name="shop", url=URL, ref=None)
    check = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    return findings.gather(zoomdb, check, project, SHOP, url=URL, config=None, interpreters=PYTHONS)


def test_an_answer_is_judged_without_changing_anything_and_stored_whole_when_it_is_right(zoomdb: Zoomdb) -> None:
    found, job = _findings(zoomdb), _launch(zoomdb)
    answer = findings.first_answer(found, "shop")
    problems, _ = findings.judge(zoomdb, found, {**answer, "project": "other"}, domain="localhost")
    assert [problem.split(" ")[0] for problem in problems] == ["PAYMENT_KEY"]
    assert projects.get(zoomdb, found.project.id).name == "shop"

    stored.put(zoomdb, found.project.id, {"PAYMENT_KEY": "x"})
    found = _findings(zoomdb)
    problems, config = findings.judge(zoomdb, found, {**answer, "project": "other"}, domain="localhost")
    assert problems == []
    findings.accept(zoomdb, found, job, {**answer, "project": "other"}, config)
    assert projects.get(zoomdb, found.project.id).name == "other"
    assert launches.get(zoomdb, job).answer["config"] == config


def test_a_name_that_another_source_has_is_a_problem_and_not_taken_over(zoomdb: Zoomdb) -> None:
    projects.ensure(zoomdb, name="taken", url="https://git.example.org/you/other.git", ref=None)
    project = findings.project_of(zoomdb, name="taken", url=URL, ref=None)
    assert project.name == "shop"
    with pytest.raises(InvalidName, match="is taken by the project from https://"):
        projects.refuse_name(zoomdb, project.id, "taken")


def test_an_answer_of_broken_text_is_shown_again_with_what_is_wrong(zoomdb: Zoomdb) -> None:
    found, job = _findings(zoomdb), _launch(zoomdb)
    answer = {**findings.first_answer(found, "shop"), "health_path": "/a\0b", "hooks": ["\ud800"]}
    problems, _ = findings.judge(zoomdb, found, answer, domain="localhost")
    assert any(problem.startswith("health_path: ") for problem in problems)
    shown = launches.set_form(zoomdb, job, rows.storable(answer), problems, seconds=100)
    assert (shown.answer["health_path"], shown.answer["hooks"]) == ("/ab", ["?"])
