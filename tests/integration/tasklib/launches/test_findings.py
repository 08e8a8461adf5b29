"""What a launch knows of a repository, and what an answer makes of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from dz.adapters.interpreters import Interpreter
from dz.adapters.python_downloads import Pythons
from dz.errors import InvalidName, NotDjango
from dz.tasklib import projects
from dz.tasklib.detection import Guess, Risk
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs
from dz.tasklib.launches import answers, findings, launches
from dz.tasklib.launches.findings import Findings
from dz.tasklib.variables import stored
from dz.tasklib.variables.missing import MissingVariable
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind
from tests import PROJECTS

SHOP = PROJECTS / "src_layout"
URL = "https://git.example.org/me/shop.git"
PYTHONS = Pythons((Interpreter((3, 11, 2), Path("/usr/bin/python3.11")),))


def _launch(zoomdb: Zoomdb) -> int:
    job = jobs.open_job(zoomdb, JobKind.LAUNCH, params={"url": URL})
    launches.open_launch(zoomdb, job, seconds=100)
    return job


def _findings(zoomdb: Zoomdb) -> Findings:
    project = findings.project_of(zoomdb, name="shop", url=URL, ref=None)
    check = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    return findings.gather(zoomdb, check, project, SHOP, url=URL, config=None, pythons=PYTHONS)


def test_an_answer_is_judged_without_changing_anything_and_stored_whole_when_it_is_right(zoomdb: Zoomdb) -> None:
    found, job = _findings(zoomdb), _launch(zoomdb)
    answer = answers.first_answer(found, "shop")
    problems, _ = answers.judge(zoomdb, found, {**answer, "project": "other"}, domain="localhost")
    assert [problem.split(" ")[0] for problem in problems] == ["PAYMENT_KEY"]
    assert projects.get(zoomdb, found.project.id).name == "shop"

    stored.put(zoomdb, found.project.id, {"PAYMENT_KEY": "x"})
    found = _findings(zoomdb)
    problems, config = answers.judge(zoomdb, found, {**answer, "project": "other"}, domain="localhost")
    assert problems == []
    answers.accept(zoomdb, found, job, {**answer, "project": "other"}, config)
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
    answer = {**answers.first_answer(found, "shop"), "health_path": "/a\0b", "hooks": ["\ud800"]}
    problems, _ = answers.judge(zoomdb, found, answer, domain="localhost")
    assert any(problem.startswith("health_path: ") for problem in problems)
    shown = launches.set_form(zoomdb, job, rows.storable(answer), problems, seconds=100)
    assert (shown.answer["health_path"], shown.answer["hooks"]) == ("/ab", ["?"])


def test_a_person_is_asked_for_what_is_unclear_wrong_missing_or_at_risk(zoomdb: Zoomdb) -> None:
    found = _findings(zoomdb)
    wrong = Guess("wsgi", "shop.wsgi:application", "shop/wsgi.py:6", proof="conflicting", happened="No module named x.")
    risk = Risk("sqlite_data", "Rows lie in SQLite", "shop/settings.py:1", "Load them.", safe=False)
    missing = found.reasons()
    assert missing == ["PAYMENT_KEY is not set; src/shop/settings/base.py:46 reads it."]
    inspection = replace(found.inspection, ambiguous=True, risks=(risk, replace(risk, safe=True)))
    assert replace(found, inspection=inspection, guesses=(wrong,), wanted=()).reasons() == [
        "Several project roots or settings modules are equally likely.",
        "wsgi shop.wsgi:application (shop/wsgi.py:6) did not work when it was tried: No module named x.",
        "Rows lie in SQLite (shop/settings.py:1). Load them.",
    ]
    chosen = replace(found, inspection=replace(inspection, risks=()), wanted=(), config="[project]\n")
    assert chosen.reasons() == [], "a configuration has chosen"
    about_rows = replace(found, inspection=inspection, wanted=(), config="[project]\ncopy_data = no\n")
    assert about_rows.reasons() == ["Several project roots or settings modules are equally likely."]


def test_a_yes_beforehand_is_a_yes_to_the_rows_of_a_committed_database_unless_somebody_has_decided(
    zoomdb: Zoomdb,
) -> None:
    found = _findings(zoomdb)
    risk = Risk("sqlite_data", "Rows lie in SQLite", "shop/settings.py:1", "Copy them.", safe=False)
    offered = replace(found, inspection=replace(found.inspection, risks=(risk,)), wanted=())
    assert (offered.offers_rows, offered.plan().copy_data) == (True, False)
    assert offered.accepting().plan().copy_data
    assert offered.accepting().reasons() == []
    for declined in ("config", "stored"):
        decided = replace(offered, **{declined: "[project]\ncopy_data = no\n"})
        assert not decided.offers_rows
        assert not decided.accepting().plan().copy_data
    assert found.accepting() is found


def test_secrets_that_any_value_does_for_are_made_and_what_was_typed_is_stored_encrypted(zoomdb: Zoomdb) -> None:
    found, job = _findings(zoomdb), _launch(zoomdb)
    wanted = (
        MissingVariable("SALT", "a.py:1", secret=True, random=True),
        MissingVariable("MAIL_FROM", "a.py:2", secret=False),
        MissingVariable("PAYMENT_KEY", "a.py:3", secret=True),
    )
    answer = {**answers.first_answer(found, None), "variable_MAIL_FROM": "me@example.org", "variable_PAYMENT_KEY": "x"}
    answers.accept(zoomdb, replace(found, wanted=wanted), job, answer, "[project]\n")
    kept = stored.of_project(zoomdb, found.project.id)
    assert kept.keys() == {"SALT", "MAIL_FROM"}, "a secret is never taken from the form"
    assert kept["MAIL_FROM"] == "me@example.org"
    assert len(kept["SALT"]) > 30


def test_what_a_check_has_proved_is_what_the_form_shows(zoomdb: Zoomdb) -> None:
    project = findings.project_of(zoomdb, name="shop", url=URL, ref=None)
    check = jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={})
    rows.save(zoomdb, check, [Guess("settings_module", "shop.settings.development", "the proof", proof="proved")])
    found = findings.gather(zoomdb, check, project, SHOP, url=URL, config=None, pythons=PYTHONS)
    assert answers.first_answer(found, None)["django_settings_module"] == "shop.settings.development"
    assert answers.first_answer(found, None)["project"] == "shop"
    assert answers.first_answer(found, "wanted")["project"] == "wanted"


def test_a_repository_without_django_is_refused_with_its_address(zoomdb: Zoomdb) -> None:
    project = findings.project_of(zoomdb, name=None, url=URL, ref=None)
    with pytest.raises(NotDjango, match=r"shop\.git holds no Django project that can be deployed"):
        findings.gather(zoomdb, 0, project, PROJECTS / "not_django", url=URL, config=None, pythons=PYTHONS)
