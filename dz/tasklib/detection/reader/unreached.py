"""Reads of the environment in code that an import does not reach: branches not taken, functions not called."""

import ast
import re

from dz.tasklib.detection.reader.branches import deployed_branch, only_debug
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import Native, Scope

MAX_READS = 2_000
"""Calls and subscripts of one file that are looked at."""
_READERS = re.compile(r"os\.getenv|os\.environ(\.get)?|env(\.\w+)?|config|url")


def read(evaluator: Evaluator) -> None:
    """Ask for the variables that nothing asked for yet; none of them is required."""
    required = dict(evaluator.variables.required)
    try:
        with evaluator.attempt():
            for path, scope in list(evaluator.loaded.items()):
                module = evaluator.tree.module(path)
                for node in _reads(module)[:MAX_READS] if module else []:
                    _ask(evaluator, node, path, scope)
    finally:
        evaluator.variables.required = required


def _reads(module: ast.Module) -> list[ast.Call | ast.Subscript]:
    """Return what may be a read of the environment, except in code for development alone."""
    found: list[ast.Call | ast.Subscript] = []
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and only_debug(node.test):
            waiting += deployed_branch(node)
            continue
        if isinstance(node, ast.With) and any("prefixed" in ast.dump(item.context_expr) for item in node.items):
            continue  # the names inside are not the whole names of the variables
        if isinstance(node, ast.Call | ast.Subscript):
            found.append(node)
        waiting += ast.iter_child_nodes(node)
    return found


def _ask(evaluator: Evaluator, node: ast.Call | ast.Subscript, path: str, scope: Scope) -> None:
    held = node.func if isinstance(node, ast.Call) else node.value
    if not isinstance(held, ast.Name | ast.Attribute):
        return
    evaluator.variables.basis = f"{path}:{node.lineno}"
    try:
        with evaluator.inside(path, evaluator.module):
            holder = evaluator.value(held, scope)
            if isinstance(holder, Native) and _READERS.fullmatch(holder.name):
                evaluator.value(node, scope)
    except (Failure, RecursionError):
        return
