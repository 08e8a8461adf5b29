"""Attributes and elements of values."""

import ast
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.reader import natives
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import UNKNOWN, Native, Scope, Unknown, UrlDatabase

_OF_PATHS = ("parent", "name", "stem", "suffix", "parents")


def is_namespace(value: Any) -> bool:
    """Say whether a value is a module or an object of settings, whose entries are its attributes."""
    return isinstance(value, dict) and "__name__" in value


def _attribute(evaluator: Evaluator, node: ast.Attribute, scope: Scope) -> Any:
    holder = evaluator.value(node.value, scope)
    if isinstance(holder, Native):
        return natives.attribute(holder, node.attr)
    if is_namespace(holder):
        evaluator.variables.touched |= evaluator.found.origins.of(holder, node.attr)
        return holder.get(node.attr, UNKNOWN)
    if isinstance(holder, PurePosixPath) and node.attr in _OF_PATHS:
        return getattr(holder, node.attr)
    return UNKNOWN


def _element(evaluator: Evaluator, node: ast.Subscript, scope: Scope) -> Any:
    holder, key = evaluator.value(node.value, scope), evaluator.value(node.slice, scope)
    if isinstance(holder, Native) and holder.name in ("os.environ", "env"):
        return evaluator.demand(evaluator.variables.ask(key, strict=True), key, "KeyError")
    if holder is None:
        raise Failure(evaluator.variables.causes(), "TypeError")
    if isinstance(holder, Unknown | Native | UrlDatabase) or isinstance(key, Unknown):
        return UNKNOWN
    try:
        return UNKNOWN if isinstance(node.slice, ast.Slice) else holder[key]
    except (LookupError, TypeError):
        return UNKNOWN


EXPRESSIONS: Handlers = {ast.Attribute: _attribute, ast.Subscript: _element}
