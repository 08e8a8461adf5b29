"""Functions that the project defines, and calls of them."""

import ast
from dataclasses import dataclass
from typing import Any

from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.pydantic_settings import Fields
from dz.tasklib.detection.reader.values import UNKNOWN, Scope

_DEEPEST = 15
"""Calls within calls."""


class Returned(Exception):
    """A `return` of a function that is being read."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True)
class Function:
    """A function that the project defines.

    Args:
        scope: the names where it is defined.
        path: the file that defines it.
        module: the dotted name of that file.
    """

    node: ast.FunctionDef
    scope: Scope
    path: str
    module: str

    def arguments(self, args: list[Any], kwargs: dict[str, Any]) -> Scope:
        """Return the local names that a call binds; defaults that are not constants are UNKNOWN."""
        spec = self.node.args
        names = [arg.arg for arg in [*spec.posonlyargs, *spec.args]]
        bound: Scope = dict.fromkeys([*names, *(arg.arg for arg in spec.kwonlyargs)], UNKNOWN)
        pairs = [*zip(reversed(names), reversed(spec.defaults), strict=False)]
        pairs += [(arg.arg, default) for arg, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default]
        for name, default in pairs:
            bound[name] = default.value if isinstance(default, ast.Constant) else UNKNOWN
        bound |= dict(zip(names, args, strict=False)) | kwargs
        if spec.vararg:
            bound[spec.vararg.arg] = args[len(names) :]
        return bound


def call(evaluator: Evaluator, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a call of a function of the project gives."""
    if evaluator.depth > _DEEPEST:
        return UNKNOWN
    scope = {**function.scope, **function.arguments(args, kwargs)}
    evaluator.found.origins.inherit(scope, function.scope, function.scope)
    evaluator.depth += 1
    try:
        with evaluator.inside(function.path, function.module):
            evaluator.block(function.node.body, scope)
    except Returned as returned:
        return returned.value
    finally:
        evaluator.depth -= 1
        if not _is_captured(scope):
            evaluator.found.origins.forget(scope)
    return None


def _is_captured(scope: Scope) -> bool:
    """Say whether a function or class that was defined during a call still looks names up in its scope."""
    return any(isinstance(value, Function | Fields) and value.scope is scope for value in scope.values())


def _define(evaluator: Evaluator, node: ast.FunctionDef, scope: Scope) -> None:
    scope[node.name] = Function(node, scope, evaluator.path, evaluator.module)


def _return(evaluator: Evaluator, node: ast.Return, scope: Scope) -> None:
    raise Returned(evaluator.value(node.value, scope) if node.value else None)


STATEMENTS: Handlers = {ast.FunctionDef: _define, ast.Return: _return}
