"""The value of plain expressions in a configuration file written in Python, which is not run."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_LARGEST = 10**12
_LONGEST = 1_000
_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}
_PLAIN: dict[str, Callable[..., Any]] = {"int": int, "float": float, "str": str, "bool": bool, "max": max, "min": min}


@dataclass(frozen=True)
class Unread:
    """A value that only running the file would tell.

    Args:
        reason: what it depends on.
    """

    reason: str


def assignments(module: ast.Module, environment: Mapping[str, str]) -> dict[str, tuple[Any, int]]:
    """Return value and line of each name that a file sets; a function cannot be read.

    Args:
        environment: the variables that are known.
    """
    found: dict[str, tuple[Any, int]] = {}
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef):
            found[statement.name] = (Unread("a function"), statement.lineno)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id] = (_read(statement.value, found, environment), statement.lineno)
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.AugAssign):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found[node.id] = (Unread("a condition"), node.lineno)
    return found


def _read(node: ast.expr, names: Mapping[str, tuple[Any, int]], environment: Mapping[str, str]) -> Any:
    try:
        return _value(node, names, environment)
    except RecursionError:
        return Unread("a very long expression")


def _value(node: ast.expr, names: Mapping[str, tuple[Any, int]], environment: Mapping[str, str]) -> Any:
    """Return the value of an expression; Unread where that is not plain."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names[node.id][0] if node.id in names else Unread(node.id)
    if isinstance(node, ast.BinOp | ast.BoolOp):
        return _combined(node, names, environment)
    if isinstance(node, ast.Call) and not any(word.arg is None for word in node.keywords):
        return _called(node, names, environment)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        return _variable([_value(node.slice, names, environment)], environment)
    return Unread(ast.unparse(node)[:60])


def _combined(
    node: ast.BinOp | ast.BoolOp, names: Mapping[str, tuple[Any, int]], environment: Mapping[str, str]
) -> Any:
    parts = [node.left, node.right] if isinstance(node, ast.BinOp) else node.values
    values = [_value(part, names, environment) for part in parts]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _applied(_OPERATIONS[type(node.op)], values)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return next((value for value in values if isinstance(value, Unread) or value), values[-1])
    return Unread(ast.unparse(node)[:60])


def _called(node: ast.Call, names: Mapping[str, tuple[Any, int]], environment: Mapping[str, str]) -> Any:
    name = ast.unparse(node.func)
    arguments = [_value(one, names, environment) for one in node.args]
    arguments += [_value(word.value, names, environment) for word in node.keywords]
    if name in {"os.environ.get", "os.getenv", "environ.get", "getenv"}:
        return _variable(arguments, environment)
    if name in _PLAIN:
        return _applied(_PLAIN[name], arguments)
    if name.endswith("cpu_count"):
        return Unread("the number of processors")
    return Unread(ast.unparse(node)[:60])


def _variable(arguments: list[Any], environment: Mapping[str, str]) -> Any:
    if not arguments or not isinstance(arguments[0], str):
        return Unread("a variable")
    if arguments[0] in environment:
        return environment[arguments[0]]
    return arguments[1] if len(arguments) > 1 else Unread(f"{arguments[0]}, which is not set")


def _applied(function: Callable[..., Any], arguments: list[Any]) -> Any:
    """Call a function, unless that could take long or much memory."""
    unread = next((one for one in arguments if isinstance(one, Unread)), None)
    if unread:
        return unread
    if any(isinstance(one, int | float) and abs(one) > _LARGEST for one in arguments):
        return Unread("a very large number")
    if function is operator.mul and any(isinstance(one, str) for one in arguments):
        return Unread("a text that is repeated")
    if any(isinstance(one, str) and len(one) > _LONGEST for one in arguments):
        return Unread("a very long text")
    try:
        return function(*arguments)
    except (TypeError, ValueError, ArithmeticError):
        return Unread("an expression that fails")
