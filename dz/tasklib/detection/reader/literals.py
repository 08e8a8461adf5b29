"""Constants, names, collections, comprehensions and formatted texts."""

import ast
from typing import Any

from dz.tasklib.detection.reader.allowlist import BUILTINS
from dz.tasklib.detection.reader.bounds import bounded, grows, known
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.values import UNKNOWN, Scope

_LONGEST = 200
"""Items of a sequence that a comprehension is followed for."""


def _constant(evaluator: Evaluator, node: ast.Constant, scope: Scope) -> Any:
    return node.value


def _name(evaluator: Evaluator, node: ast.Name, scope: Scope) -> Any:
    evaluator.variables.touched |= evaluator.found.origins.of(scope, node.id)
    return scope[node.id] if node.id in scope else BUILTINS.get(node.id, UNKNOWN)


def _list(evaluator: Evaluator, node: ast.List | ast.Set, scope: Scope) -> Any:
    return bounded(evaluator.values(node.elts, scope))


def _tuple(evaluator: Evaluator, node: ast.Tuple, scope: Scope) -> Any:
    return bounded(tuple(evaluator.values(node.elts, scope)))


def _dict(evaluator: Evaluator, node: ast.Dict, scope: Scope) -> Any:
    found: dict[Any, Any] = {}
    origins = evaluator.found.origins
    for key, item in zip(node.keys, node.values, strict=True):
        name = evaluator.value(key, scope) if key else None
        value, touched = evaluator.with_touched(item, scope)
        if key is None and isinstance(value, dict):
            found |= value
            origins.inherit(found, value, value)
        elif isinstance(name, str | int):
            found[name] = value
            origins.note(found, name, touched)
    return bounded(found)


def _formatted_text(evaluator: Evaluator, node: ast.JoinedStr, scope: Scope) -> Any:
    parts = [evaluator.value(part, scope) for part in node.values]
    return bounded("".join(map(str, parts))) if known(parts) and not grows("", parts) else UNKNOWN


def _formatted_value(evaluator: Evaluator, node: ast.FormattedValue, scope: Scope) -> Any:
    return evaluator.value(node.value, scope) if node.format_spec is None else UNKNOWN


def _comprehension(evaluator: Evaluator, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Any:
    """Follow a comprehension over one known sequence, with one name for its items."""
    first = node.generators[0]
    items = evaluator.value(first.iter, scope)
    if not isinstance(first.target, ast.Name) or not isinstance(items, list | tuple | dict) or node.generators[1:]:
        return UNKNOWN
    found = []
    for item in list(items)[:_LONGEST]:
        inner = {**scope, first.target.id: item}
        if all(evaluator.test(test, inner)[0] is True for test in first.ifs):
            found.append(evaluator.value(node.elt, inner))
    return bounded(found)


EXPRESSIONS: Handlers = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.List: _list,
    ast.Set: _list,
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.JoinedStr: _formatted_text,
    ast.FormattedValue: _formatted_value,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
}
