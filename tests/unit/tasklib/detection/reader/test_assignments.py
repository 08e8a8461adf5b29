"""Assignments."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, attributes, literals, operators
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import ENVIRON, evaluator, run


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, operators, attributes, assignments)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A = B = 1", {"A": 1, "B": 1}),
        ("A, (B, C) = 1, (2, 3)", {"A": 1, "B": 2, "C": 3}),
        ("A, B = unknown", {"A": UNKNOWN, "B": UNKNOWN}),
        ("A: int = 1\nB: int", {"A": 1}),
        ("A = ['a']\nA += ['b']", {"A": ["a", "b"]}),
        ("A = {'a': {}}\nA['a']['b'] = 1", {"A": {"a": {"b": 1}}}),
    ],
)
def test_values_are_bound(made: Evaluator, text: str, wanted: object) -> None:
    assert run(made, text) == wanted


def test_the_last_line_that_sets_a_name_is_its_basis(made: Evaluator) -> None:
    run(made, "A = 1\nA = 2")
    assert made.found.bases == {"A": "site1/settings.py:2"}


def test_a_value_remembers_its_variables(made: Evaluator) -> None:
    names = run(made, "A = environ['NAME']\nB = {}\nB['HOST'] = A", {"environ": ENVIRON})
    assert made.found.origins.of(names, "A") == {"NAME"}
    assert made.found.origins.of(names["B"], "HOST") == {"NAME"}


def test_a_variable_that_the_settings_set_is_read_back(made: Evaluator) -> None:
    names = run(made, "environ['NAME'] = 'set'\nA = environ['NAME']", {"environ": ENVIRON})
    assert names["A"] == "set"
    assert not made.variables.required


def test_databases_that_are_set_for_all_forget_what_chose_between_them(made: Evaluator) -> None:
    made.found.switched.add("PG")
    with made.under({"PG"}):
        run(made, "DATABASES = {}")
    assert made.found.switched == {"PG"}
    run(made, "DATABASES = {}")
    assert made.found.switched == set()
