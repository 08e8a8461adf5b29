"""Only operations that cost little and reach nothing are allowed."""

import ast

import pytest

from dz.tasklib.detection.reader.allowlist import binary, may_call
from dz.tasklib.detection.reader.values import UNKNOWN, Native


@pytest.mark.parametrize(
    ("kind", "left", "right", "wanted"),
    [
        (ast.Add, "a", "b", "ab"),
        (ast.Mult, 60, 60, 3600),
        (ast.Mod, "%s:%d", ("a", 1), "a:1"),
        (ast.Add, ["a"], UNKNOWN, ["a", UNKNOWN]),
        (ast.Add, UNKNOWN, ["a"], [UNKNOWN, "a"]),
        (ast.Mult, "x", 10**9, UNKNOWN),
        (ast.Pow, 9, 9, UNKNOWN),
        (ast.Mod, "%999999999d", 1, UNKNOWN),
        (ast.Add, "a", Native("os"), UNKNOWN),
    ],
)
def test_an_operator_is_applied_where_it_is_safe(
    kind: type[ast.operator], left: object, right: object, wanted: object
) -> None:
    assert binary(kind, left, right) == wanted


@pytest.mark.parametrize(
    ("holder", "method", "args", "allowed"),
    [
        ("a,b", "split", [","], True),
        ("a", "join", [["x", "y"]], True),
        ("a" * 9_000, "join", [["x"] * 9_000], False),
        ("a", "join", [[UNKNOWN]], False),
        ("a", "zfill", [10**9], False),
        ([1], "append", [UNKNOWN], True),
        (1, "bit_length", [], False),
    ],
)
def test_a_method_is_called_where_it_is_harmless(
    *, holder: object, method: str, args: list[object], allowed: bool
) -> None:
    assert may_call(holder, method, args, {}) == allowed
