"""Operators, comparisons and conditional expressions; a variable may name the environment that they choose for."""

import ast
from typing import Any

from dz.tasklib.detection.reader import failures
from dz.tasklib.detection.reader.allowlist import COMPARE, binary
from dz.tasklib.detection.reader.bounds import known
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.stages import Stage, in_production, is_switch
from dz.tasklib.detection.reader.values import UNKNOWN, Native, Scope, Unknown, UrlDatabase
from dz.tasklib.detection.reader.variables import Variables


def _conditional(evaluator: Evaluator, node: ast.IfExp, scope: Scope) -> Any:
    test, _ = evaluator.test(node.test, scope)
    if isinstance(test, Unknown):
        return UNKNOWN
    return evaluator.value(node.body if test else node.orelse, scope)


def _unary(evaluator: Evaluator, node: ast.UnaryOp, scope: Scope) -> Any:
    value = evaluator.value(node.operand, scope)
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(node.op, ast.Not):
        return not value
    return -value if isinstance(node.op, ast.USub) and isinstance(value, int | float) else UNKNOWN


def _binary(evaluator: Evaluator, node: ast.BinOp, scope: Scope) -> Any:
    left, right = evaluator.value(node.left, scope), evaluator.value(node.right, scope)
    return failures.call(evaluator.variables, lambda one, two: binary(type(node.op), one, two), [left, right], {})


def _boolean(evaluator: Evaluator, node: ast.BoolOp, scope: Scope) -> Any:
    """Follow `and` and `or`; in `os.getenv("ENV") or "dev"` the fallback is the stage of a deployed site."""
    wanted = isinstance(node.op, ast.Or)
    unsure = False
    value: Any = UNKNOWN
    switch = next((name for name in _asked(evaluator, node.values[0], scope) if is_switch(name)), "")
    for part in node.values:
        value = evaluator.value(part, scope)
        value = in_production(switch, value) if wanted else value
        if isinstance(value, Unknown | UrlDatabase):
            unsure = True
        elif bool(value) == wanted:
            return value
    return UNKNOWN if unsure else value


def _comparison(evaluator: Evaluator, node: ast.Compare, scope: Scope) -> Any:
    left, right = evaluator.value(node.left, scope), evaluator.value(node.comparators[0], scope)
    if len(node.ops) > 1 or isinstance(left, Unknown):
        return UNKNOWN
    kind = type(node.ops[0])
    if None in (left, right) and kind in (ast.Eq, ast.NotEq):
        left = _deployed(evaluator, node.left, left, scope)
        right = _deployed(evaluator, node.comparators[0], right, scope)
    _note_spelling(evaluator.variables, left, right)
    if isinstance(right, Native) and right.name == "os.environ":
        evaluator.variables.ask(left)
        return kind is ast.NotIn
    if isinstance(right, Unknown | Native) or (not known(right) and kind not in (ast.Is, ast.IsNot)):
        return UNKNOWN
    return failures.call(evaluator.variables, COMPARE[kind], [left, right], {})


def _asked(evaluator: Evaluator, node: ast.expr, scope: Scope) -> set[str]:
    """Return the variables that an expression depends on."""
    return evaluator.test(node, scope)[1]


def _deployed(evaluator: Evaluator, node: ast.expr, value: Any, scope: Scope) -> Any:
    """Return the value that one side of a comparison has on a deployed site, where an unset variable names the stage."""
    switched = value is None and any(map(is_switch, _asked(evaluator, node, scope)))
    return Stage("production") if switched else value


def _note_spelling(variables: Variables, left: Any, right: Any) -> None:
    """Note how the project spells the name of its production environment."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Stage) and type(other) is str and one == other:
            for name in filter(is_switch, variables.touched):
                variables.stages.setdefault(name, other)


EXPRESSIONS: Handlers = {
    ast.IfExp: _conditional,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Compare: _comparison,
}
