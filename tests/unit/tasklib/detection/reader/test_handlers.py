"""The tables of the reader's handlers."""

import ast

import pytest

from dz.tasklib.detection.reader.handlers import EXPRESSIONS, STATEMENTS


@pytest.mark.parametrize("kind", [ast.Assign, ast.If, ast.Try, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.With])
def test_the_statements_of_settings_files_are_followed(kind: type[ast.stmt]) -> None:
    assert kind in STATEMENTS


@pytest.mark.parametrize("kind", [ast.Call, ast.Subscript, ast.Attribute, ast.BoolOp, ast.Dict, ast.JoinedStr])
def test_the_expressions_of_settings_files_are_followed(kind: type[ast.expr]) -> None:
    assert kind in EXPRESSIONS


@pytest.mark.parametrize("kind", [ast.While, ast.Lambda, ast.Await, ast.NamedExpr, ast.Delete])
def test_what_could_run_for_ever_or_elsewhere_is_not(kind: type[ast.AST]) -> None:
    assert kind not in {**EXPRESSIONS, **STATEMENTS}
