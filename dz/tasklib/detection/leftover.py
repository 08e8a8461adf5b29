"""Reads of the environment in code that an import does not run: branches that are not taken, functions not called."""

import ast
import re
from typing import Any

from dz.tasklib.detection.expressions import Failure
from dz.tasklib.detection.interpreter import Interpreter, only_debug
from dz.tasklib.detection.values import Native

MAX_READS = 2_000
_READERS = re.compile(r"os\.getenv|os\.environ(\.get)?|env(\.\w+)?|config|url")


def read(reader: Interpreter) -> None:
    """Ask for the variables that were not asked for yet; none of them is required."""
    required = dict(reader.variables.required)
    reader.tries += 1
    try:
        for path, scope in list(reader.loaded.items()):
            module = reader.tree.module(path)
            for node in _reads(module)[:MAX_READS] if module else []:
                _ask(reader, node, path, scope)
    finally:
        reader.tries -= 1
        reader.variables.required = required


def _reads(module: ast.Module) -> list[ast.Call | ast.Subscript]:
    """Return what may be a read of the environment, without what only development does."""
    found: list[ast.Call | ast.Subscript] = []
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and only_debug(node.test):
            waiting += node.orelse if not isinstance(node.test, ast.UnaryOp) else node.body
            continue
        if isinstance(node, ast.Call | ast.Subscript):
            found.append(node)
        waiting += ast.iter_child_nodes(node)
    return found


def _ask(reader: Interpreter, node: ast.Call | ast.Subscript, path: str, scope: dict[str, Any]) -> None:
    held = node.func if isinstance(node, ast.Call) else node.value
    if not isinstance(held, ast.Name | ast.Attribute):
        return
    outer, reader.path, reader.variables.basis = reader.path, path, f"{path}:{node.lineno}"
    try:
        holder = reader.value(held, scope)
        if isinstance(holder, Native) and _READERS.fullmatch(holder.name):
            reader.value(node, scope)
    except (Failure, RecursionError):
        return
    finally:
        reader.path = outer
