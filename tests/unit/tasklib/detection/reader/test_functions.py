"""Functions of the project."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, attributes, calls, functions, literals, operators
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import ENVIRON, evaluator, run


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, operators, attributes, calls, assignments, functions)


def test_a_call_binds_arguments_and_defaults(made: Evaluator) -> None:
    text = "def join(a, b='b', *rest, c='c', d=made()):\n    return [a, b, rest, c, d]\n"
    assert run(made, f"{text}X = join('1')")["X"] == ["1", "b", [], "c", UNKNOWN]
    assert run(made, f"{text}X = join('1', '2', '3', c='4')")["X"] == ["1", "2", ["3"], "4", UNKNOWN]


def test_a_function_sees_the_names_around_it_and_leaves_them_alone(made: Evaluator) -> None:
    names = run(made, "A = 'a'\ndef f():\n    B = A + 'b'\n    return B\nX = f()")
    assert names["X"] == "ab"
    assert "B" not in names


def test_a_function_without_return_gives_none(made: Evaluator) -> None:
    assert run(made, "def f():\n    'text'\nX = f()")["X"] is None


def test_endless_recursion_ends(made: Evaluator) -> None:
    assert run(made, "def f():\n    return f()\nX = f()")["X"] is UNKNOWN
    assert made.depth == 0


def test_the_file_of_the_function_is_the_basis_inside_it(made: Evaluator) -> None:
    names = run(made, "def f(value):\n    return value + 1\n")
    made.path = "other.py"
    run(made, "X = f('a')", names)
    assert made.path == "other.py"
    assert made.variables.basis == "site1/settings.py:2"


def test_a_function_inside_a_function_keeps_the_variables_behind_its_names(made: Evaluator) -> None:
    scope = {"environ": ENVIRON}
    run(made, "def outer():\n    A = environ['NAME']\n    def inner():\n        return A\n    return inner\n", scope)
    names = run(made, "f = outer()\nB = f()", scope)
    assert made.found.origins.of(names, "B") == {"NAME"}
