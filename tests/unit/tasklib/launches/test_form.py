"""The verification form: what it shows is what is built, and a wrong answer is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from dz.adapters.interpreters import Interpreter
from dz.adapters.python_downloads import Pythons
from dz.tasklib.configuration import resolution, zoombuild
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import inspect
from dz.tasklib.launches import form
from dz.tasklib.variables.missing import MissingVariable
from tests import PROJECTS, ROOT

POLLS = ROOT / "demo" / "polls"
PYTHONS = Pythons(
    (Interpreter((3, 12, 4), Path("/usr/bin/python3.12")), Interpreter((3, 11, 2), Path("/usr/bin/python3.11")))
)
URL = "https://git.example.org/me/site.git"


def _plan(root: Path, form: dict[str, Any] | None = None, attached: str | None = None) -> Plan:
    return resolution.of_checkout(inspect(root), root, source_url=URL, attached=attached, stored=None, form=form)


def _cases() -> list[Path]:
    found = [POLLS, *sorted(path for path in PROJECTS.iterdir() if path.is_dir())]
    return [path for path in found if inspect(path).is_django and not inspect(path).ambiguous]


@pytest.mark.parametrize("root", _cases(), ids=lambda path: path.name)
def test_an_answer_that_changes_nothing_is_accepted_and_builds_what_was_shown(root: Path) -> None:
    detected = _plan(root)
    values = form.values_of(detected, PYTHONS)
    typed, problems = form.given(values)
    assert problems == []
    plan = _plan(root, typed)
    assert form.plan_problems(plan, root, PYTHONS, detected=detected) == []
    assert form.values_of(plan, PYTHONS) == values


@pytest.mark.parametrize("root", _cases(), ids=lambda path: path.name)
def test_the_confirmed_configuration_is_accepted_again_and_gives_the_same_build(root: Path) -> None:
    typed, _ = form.given({**form.values_of(_plan(root), PYTHONS), "processes": 7, "hooks": []})
    plan = _plan(root, typed)
    assert (plan.processes, plan.hooks) == (7, ())
    text = zoombuild.render(plan)
    again = _plan(root, attached=text)
    assert replace(again, warnings=()) == replace(plan, warnings=())
    assert zoombuild.render(again) == text


def test_the_python_that_is_shown_is_the_one_that_is_built_with(tmp_path: Path) -> None:
    plan = replace(_plan(POLLS), python_version="3.8", python_version_basis="preference")
    assert form.values_of(plan, PYTHONS)["python_version"] == "3.11"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("project_root", "nowhere", "no folder 'nowhere'"),
        ("project_root", "../..", "not a relative path"),
        ("project_root", "x" * 300, "more than 240"),
        ("requirements_files", ["x" * 300], "more than 240"),
        ("django_settings_module", "x" * 300, "more than 240"),
        ("wsgi", "x" * 300 + ":application", "more than 240"),
        ("django_settings_module", "mysite.nothing", "no module 'mysite.nothing'"),
        ("django_settings_module", "my site", "django_settings_module"),
        ("wsgi", "mysite.gone:application", "no module 'mysite.gone'"),
        ("wsgi", "mysite.wsgi", "wsgi"),
        ("python_version", "4.2", "requires Python 4.2"),
        ("python_version", "new", "python_version"),
        ("requirements_files", ["gone.txt"], "no file 'gone.txt'"),
        ("hooks", ["migrat"], "did you mean 'migrate'"),
        ("hooks", ["rm -rf / ; x"], "hooks"),
        ("health_path", "ok", "health_path"),
        ("health_path", "/\x1b[2J", "control character"),
        ("instances", 1000, "instances"),
        ("package_manager", "npm", "package_manager"),
    ],
)
def test_a_wrong_answer_is_named(key: str, value: Any, words: str) -> None:
    detected = _plan(POLLS)
    typed, problems = form.given({**form.values_of(detected, PYTHONS), key: value})
    problems += form.plan_problems(_plan(POLLS, typed), POLLS, PYTHONS, detected=detected)
    assert any(words in problem for problem in problems), problems


def test_a_link_that_leads_out_of_the_repository_is_no_project_root(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "repo" / "link").symlink_to(tmp_path / "outside")
    detected = _plan(POLLS)
    plan = replace(detected, project_root="link")
    [problem] = form.plan_problems(plan, tmp_path / "repo", PYTHONS, detected=detected)
    assert "no folder 'link'" in problem


def test_a_command_of_the_project_itself_may_be_a_hook(tmp_path: Path) -> None:
    commands = tmp_path / "shop" / "management" / "commands"
    commands.mkdir(parents=True)
    (commands / "migrates.py").touch()
    plan = replace(_plan(POLLS), hooks=("migrates",), dependency_files=())
    assert form.plan_problems(plan, tmp_path, PYTHONS, detected=plan) == []


def test_missing_variables_are_named_and_secrets_are_never_taken_from_the_form() -> None:
    wanted = [
        MissingVariable("MAIL_FROM", "settings.py:4", secret=False),
        MissingVariable("PAY_TOKEN", "settings.py:5", secret=True),
        MissingVariable("HASH_SALT", "settings.py:6", secret=True, random=True),
    ]
    answer = {"variable_PAY_TOKEN": "typed all the same", "variable_HASH_SALT": "x"}
    problems = form.variable_problems(answer, wanted)
    assert [problem.split(" ")[0] for problem in problems] == ["MAIL_FROM", "PAY_TOKEN"]
    assert form.variables_of(answer, wanted) == {}
    assert form.variables_of({"variable_MAIL_FROM": "a@b"}, wanted) == {"MAIL_FROM": "a@b"}


@settings(max_examples=60, deadline=None)
@for_all(st.dictionaries(st.sampled_from(form.KEYS), st.text(max_size=30) | st.lists(st.text(max_size=20)), max_size=4))
def test_no_answer_breaks_the_form(answer: dict[str, Any]) -> None:
    detected = _plan(POLLS)
    typed, _ = form.given(answer)
    plan = _plan(POLLS, typed)
    form.plan_problems(plan, POLLS, PYTHONS, detected=detected)
    assert zoombuild.parse(zoombuild.render(plan)).values["django_settings_module"] == plan.django_settings_module
