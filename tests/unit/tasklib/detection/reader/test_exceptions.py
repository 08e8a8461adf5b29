"""What is caught, and what is raised."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, attributes, exceptions, literals, operators
from dz.tasklib.detection.reader.evaluator import Evaluator
from tests.unit.tasklib.detection.reader.parts import ENVIRON, evaluator, run


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, operators, attributes, assignments, exceptions)


@pytest.mark.parametrize(
    ("caught", "required"),
    [("KeyError", []), ("(KeyError, ValueError)", []), ("Exception", []), ("ValueError", ["NAME"])],
)
def test_a_handler_that_catches_the_failure_is_a_way_out(made: Evaluator, caught: str, required: list[str]) -> None:
    names = run(made, f"try:\n    A = environ['NAME']\nexcept {caught}:\n    A = 'default'", {"environ": ENVIRON})
    assert list(made.variables.required) == required
    assert names.get("A") == (None if required else "default")


def test_a_handler_that_raises_again_needs_the_same_variable(made: Evaluator) -> None:
    run(made, "try:\n    A = environ['NAME']\nexcept KeyError:\n    raise RuntimeError", {"environ": ENVIRON})
    assert list(made.variables.required) == ["NAME"]


def test_else_and_finally_run_where_nothing_failed(made: Evaluator) -> None:
    names = run(made, "try:\n    A = 1\nexcept KeyError:\n    B = 1\nelse:\n    C = 1\nfinally:\n    D = 1")
    assert set(names) == {"A", "C", "D"}


def test_an_assertion_on_a_variable_needs_it(made: Evaluator) -> None:
    scope = {"environ": ENVIRON}
    run(made, "assert 'ONE' in environ\nassert unknown\nassert 1 == 1", scope)
    assert list(made.variables.required) == ["ONE"]
