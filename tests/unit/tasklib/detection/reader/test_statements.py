"""Expressions on their own, loops and `with`."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, attributes, calls, literals, operators, statements
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN, Native
from tests.unit.tasklib.detection.reader.parts import evaluator, run


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, operators, attributes, calls, assignments, statements)


def test_an_expression_may_change_what_it_is_called_on(made: Evaluator) -> None:
    assert run(made, "A = ['a']\nA.append('b')")["A"] == ["a", "b"]


def test_a_loop_runs_for_each_item(made: Evaluator) -> None:
    assert run(made, "A = []\nfor name, end in [('a', 1), ('b', 2)]:\n    A.append(name)")["A"] == ["a", "b"]


def test_a_long_loop_is_cut(made: Evaluator) -> None:
    names = run(made, "A = []\nfor number in numbers:\n    A.append(number)", {"numbers": list(range(1000))})
    assert len(names["A"]) == 100


def test_a_loop_over_what_is_unknown_runs_once(made: Evaluator) -> None:
    assert run(made, "A = []\nfor name in unknown:\n    A.append(name)")["A"] == [UNKNOWN]


def test_a_prefix_holds_until_the_block_ends(made: Evaluator) -> None:
    env = Native("env")
    run(made, "with env.prefixed('SHOP_') as other:\n    A = env('NAME')\nB = env('NAME')", {"env": env})
    assert list(made.variables.required) == ["SHOP_NAME", "NAME"]
