"""The walk itself, with handlers made for the test."""

import ast
from pathlib import Path

import pytest

from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import MISSING, UNKNOWN, Scope
from dz.tasklib.detection.reader.variables import Variables
from tests.unit.tasklib.detection.projects import modules
from tests.unit.tasklib.detection.reader.parts import run, value


def fail(evaluator: Evaluator, node: ast.AST, scope: Scope) -> None:
    raise Failure({"NAME"}, "KeyError")


def note(evaluator: Evaluator, node: ast.AST, scope: Scope) -> None:
    scope.setdefault("lines", []).append(evaluator.variables.basis)


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    made = Evaluator(
        modules(tmp_path, {}),
        Variables(),
        expressions={ast.Constant: lambda evaluator, node, scope: node.value, ast.Call: fail},
        statements={ast.Pass: note, ast.Raise: fail},
    )
    made.path = "a.py"
    return made


def test_a_node_without_a_handler_is_unknown_or_skipped(made: Evaluator) -> None:
    assert value(made, "1") == 1
    assert value(made, "a.b") is UNKNOWN
    assert run(made, "import os\npass") == {"lines": ["a.py:2"]}


def test_at_the_top_level_a_failure_is_recorded_and_reading_goes_on(made: Evaluator) -> None:
    assert run(made, "raise X\npass") == {"lines": ["a.py:2"]}
    assert value(made, "f()") is UNKNOWN
    assert list(made.variables.required) == ["NAME"]


def test_inside_an_attempt_a_failure_goes_up(made: Evaluator) -> None:
    with made.attempt(), pytest.raises(Failure):
        run(made, "raise X")
    assert not made.variables.required
    assert not made.is_nested


def test_a_strict_read_that_fails_makes_its_variable_required(made: Evaluator) -> None:
    assert made.demand("set", "NAME", "KeyError") == "set"
    assert made.demand(MISSING, "NAME", "KeyError") is UNKNOWN
    assert list(made.variables.required) == ["NAME"]


def test_the_innermost_condition_on_a_variable_is_to_blame(made: Evaluator) -> None:
    with made.under({"OUTER"}), made.under({"INNER"}), made.under(set()):
        assert made.blamed() == {"INNER"}
    assert made.blamed() == set()


def test_a_file_counts_only_where_its_absence_would_stop_the_import(made: Evaluator) -> None:
    with made.attempt():
        made.needs_file("a.json")
    assert not made.found.absent
    made.variables.basis = "a.py:3"
    made.needs_file("a.json")
    assert made.found.absent == {"a.json": "a.py:3"}


def test_another_file_is_left_again_even_if_it_fails(made: Evaluator) -> None:
    with pytest.raises(Failure), made.inside("b.py", "b"):
        raise Failure(set(), "ImportError")
    assert (made.path, made.module) == ("a.py", "")
