"""Evaluators that are given only some parts of the reader."""

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import Native, Scope
from dz.tasklib.detection.reader.variables import Variables
from tests.unit.tasklib.detection.projects import modules

ENVIRON = Native("os.environ")


def evaluator(root: Path, *parts: ModuleType, files: dict[str, str] | None = None) -> Evaluator:
    """Return an evaluator with the handlers of some modules, in a tree of some files."""
    tables = {"EXPRESSIONS": {}, "STATEMENTS": {}}
    for part in parts:
        for name, table in tables.items():
            table.update(getattr(part, name, {}))
    made = Evaluator(
        modules(root, files or {}),
        Variables(),
        expressions=tables["EXPRESSIONS"],
        statements=tables["STATEMENTS"],
    )
    made.path, made.module = "site1/settings.py", "site1.settings"
    return made


def value(made: Evaluator, text: str, scope: Scope | None = None) -> Any:
    """Return the value of an expression."""
    return made.value(ast.parse(text, mode="eval").body, {} if scope is None else scope)


def run(made: Evaluator, text: str, scope: Scope | None = None) -> Scope:
    """Run statements, and return the names that they leave."""
    names = {} if scope is None else scope
    made.block(ast.parse(text).body, names)
    return names
