"""Plain expressions of a configuration file that is not run."""

import ast
from typing import Any

import pytest

from dz.tasklib.detection.web.evaluated import Unread, assignments


def value(expression: str, before: str = "") -> Any:
    return assignments(ast.parse(f"{before}\nx = {expression}"), {"SET": "3"})["x"][0]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("3", 3),
        ("2 * 4 + 1", 9),
        ("int(os.environ.get('SET', 2)) + 1", 4),
        ("int(os.getenv('UNSET', '2'))", 2),
        ("os.environ['SET']", "3"),
        ("os.getenv('UNSET', '') or 5", 5),
        ("max(2, n)", 4),
        ("'a' + str(n)", "a4"),
    ],
)
def test_plain_values_are_read(expression: str, found: object) -> None:
    assert value(expression, "n = 4") == found


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("multiprocessing.cpu_count() * 2 + 1", "the number of processors"),
        ("min(8, os.cpu_count())", "the number of processors"),
        ("os.environ['UNSET']", "UNSET, which is not set"),
        ("open('x').read()", "open('x').read()"),
        ("1 / 0", "an expression that fails"),
        ("10 ** 9 ** 9", "10 ** 9 ** 9"),
        ("'a' * 1000000000", "a text that is repeated"),
        ("+".join(["1"] * 800), "a very long expression"),
        ("10000000000000 * 10000000000000", "a very large number"),
    ],
)
def test_what_only_running_it_would_tell_is_said(expression: str, reason: str) -> None:
    assert value(expression) == Unread(reason)


def test_names_that_are_set_under_a_condition_and_functions_have_no_value() -> None:
    found = assignments(ast.parse("if x:\n    a = 1\nfor b in c: pass\ndef post_fork(s, w): pass\n"), {})
    assert found == {
        "a": (Unread("a condition"), 2),
        "b": (Unread("a condition"), 3),
        "post_fork": (Unread("a function"), 4),
    }
