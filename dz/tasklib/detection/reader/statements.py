"""The plain statements: an expression on its own, `for` and `with`."""

import ast

from dz.tasklib.detection.reader.assignments import bind
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.values import UNKNOWN, Native, Scope

_ROUNDS = 100
"""Items that a loop is followed for."""


def _expression(evaluator: Evaluator, node: ast.Expr, scope: Scope) -> None:
    evaluator.value(node.value, scope)


def _for(evaluator: Evaluator, node: ast.For, scope: Scope) -> None:
    items = evaluator.value(node.iter, scope)
    for item in list(items)[:_ROUNDS] if isinstance(items, list | tuple | dict | set) else [UNKNOWN]:
        bind(evaluator, node.target, item, scope, set())
        evaluator.block(node.body, scope)


def _with(evaluator: Evaluator, node: ast.With, scope: Scope) -> None:
    prefixed: list[tuple[Native, str]] = []
    for item in node.items:
        value = evaluator.value(item.context_expr, scope)
        call = item.context_expr
        if isinstance(value, Native) and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            holder = evaluator.value(call.func.value, scope)
            if isinstance(holder, Native):  # `env.prefixed` of environs changes `env` itself until the block ends
                prefixed.append((holder, holder.prefix))
                holder.prefix = value.prefix
        if item.optional_vars is not None:
            bind(evaluator, item.optional_vars, value, scope, set())
    try:
        evaluator.block(node.body, scope)
    finally:
        for holder, before in prefixed:
            holder.prefix = before


STATEMENTS: Handlers = {ast.Expr: _expression, ast.For: _for, ast.With: _with}
