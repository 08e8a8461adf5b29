"""Which branch a deployed site takes."""

import ast
from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, attributes, branches, exceptions, literals, operators
from dz.tasklib.detection.reader.branches import demanded_engine, only_debug
from dz.tasklib.detection.reader.evaluator import Evaluator
from tests.unit.tasklib.detection.reader.parts import ENVIRON, evaluator, run


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, operators, attributes, assignments, branches, exceptions)


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("if yes:\n    A = 1\nelse:\n    A = 2", 1),
        ("if not yes:\n    A = 1\nelif yes:\n    A = 2", 2),
        ("if DEBUG:\n    A = 1\nelse:\n    A = 2", 2),
        ("if not DEBUG:\n    A = 1\nelse:\n    A = 2", 1),
        ("if unknown:\n    A = 1\nelse:\n    A = 2", 1),
    ],
)
def test_a_branch_is_taken(made: Evaluator, text: str, wanted: int) -> None:
    assert run(made, text, {"yes": True})["A"] == wanted


def test_both_branches_of_an_unknown_condition_are_read_and_neither_is_required(made: Evaluator) -> None:
    run(made, "if unknown:\n    A = environ['ONE']\nelse:\n    A = environ['TWO']", {"environ": ENVIRON})
    assert set(made.variables.read) == {"ONE", "TWO"}
    assert not made.variables.required


def test_a_branch_that_raises_needs_the_variables_of_its_condition(made: Evaluator) -> None:
    made.variables.ask("ONE")
    made.variables.ask("TWO")
    scope = {"one": None, "two": None}
    for name in scope:
        made.found.origins.note(scope, name, {name.upper()})
    run(made, "if not one or not two:\n    raise ValueError", scope)
    assert set(made.variables.required) == {"ONE", "TWO"}


def test_a_variable_that_chooses_the_database_is_noticed(made: Evaluator) -> None:
    text = "if 'PG' in environ:\n    DATABASES['default']['ENGINE'] = 'django.db.backends.postgresql'"
    run(made, text, {"environ": ENVIRON, "DATABASES": {"default": {}}})
    assert made.found.switched == {"PG"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("DEBUG", True), ("not DEBUG", True), ("TESTING == 1", True), ("DEBUG and other", False), ("other", False)],
)
def test_a_condition_is_about_development_alone(text: str, *, wanted: bool) -> None:
    assert only_debug(expression(text)) == wanted


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("DATABASES['default']['ENGINE'] != 'django.db.backends.mysql'", "django.db.backends.mysql"),
        ("DATABASES['default']['ENGINE'] == 'django.db.backends.mysql'", ""),
        ("COLOUR != 'blue'", ""),
    ],
)
def test_an_engine_is_demanded(text: str, engine: str) -> None:
    assert demanded_engine(expression(text)) == engine
