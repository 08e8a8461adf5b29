"""Assignments: to names, to elements and to several targets at once."""

import ast
from typing import Any

from dz.tasklib.detection.reader.bounds import light
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import UNKNOWN, Native, Scope
from dz.tasklib.detection.syntax import source


def bind(evaluator: Evaluator, target: ast.expr, value: Any, scope: Scope, touched: set[str]) -> None:
    """Store a value in a name, an element or several targets.

    Args:
        touched: the variables that the value depends on.
    """
    if isinstance(target, ast.Name):
        _bind_name(evaluator, target, value, scope, touched)
    elif isinstance(target, ast.Subscript):
        holder, key = evaluator.value(target.value, scope), evaluator.value(target.slice, scope)
        if isinstance(holder, dict) and isinstance(key, str | int) and light(value):
            holder[key] = value
            evaluator.found.origins.note(holder, key, touched)
        elif isinstance(holder, Native) and holder.name == "os.environ" and isinstance(key, str):
            evaluator.variables.given[key] = value
    elif isinstance(target, ast.Tuple | ast.List):
        several = isinstance(value, list | tuple) and len(value) == len(target.elts)
        for number, part in enumerate(target.elts):
            bind(evaluator, part, value[number] if several else UNKNOWN, scope, touched)


def _bind_name(evaluator: Evaluator, target: ast.Name, value: Any, scope: Scope, touched: set[str]) -> None:
    found = evaluator.found
    scope[target.id] = value
    found.origins.note(scope, target.id, touched)
    if not evaluator.depth:
        found.bases[target.id] = f"{evaluator.path}:{target.lineno}"
        found.chosen[target.id] = set().union(*evaluator.conditions)
        if not evaluator.conditions and target.id == "DATABASES":
            found.switched.clear()


def _assign(evaluator: Evaluator, node: ast.Assign, scope: Scope) -> None:
    variables = evaluator.variables
    outer, variables.touched = variables.touched, set()
    evaluator.target = node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
    try:
        value = evaluator.value(node.value, scope)
    except Failure as failure:
        if evaluator.is_nested:
            raise
        variables.require(failure.names)
        value = UNKNOWN
    touched, variables.touched = variables.touched, outer | variables.touched
    for target in node.targets:
        bind(evaluator, target, value, scope, touched)


def _assign_annotated(evaluator: Evaluator, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        _assign(evaluator, ast.copy_location(ast.Assign([node.target], node.value), node), scope)


def _assign_augmented(evaluator: Evaluator, node: ast.AugAssign, scope: Scope) -> None:
    target = ast.parse(source(node.target), mode="eval").body
    combined = ast.copy_location(ast.BinOp(target, node.op, node.value), node)
    assign = ast.copy_location(ast.Assign([node.target], combined), node)
    _assign(evaluator, ast.fix_missing_locations(assign), scope)


STATEMENTS: Handlers = {
    ast.Assign: _assign,
    ast.AnnAssign: _assign_annotated,
    ast.AugAssign: _assign_augmented,
}
