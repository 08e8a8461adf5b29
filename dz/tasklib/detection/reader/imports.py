"""Imports: loads modules of the project, each once."""

import ast
from typing import Any

from dz.tasklib.detection.reader import missing_files, natives
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.stages import PRODUCTION
from dz.tasklib.detection.reader.values import UNKNOWN, Native, Scope

_MOST = 60
"""Modules that are read for one project."""


def load(evaluator: Evaluator, name: str) -> Scope | None:
    """Return the namespace of a module, or None if the project has no such module."""
    path = evaluator.modules.path(name)
    if path is None:
        return None
    if path in evaluator.loaded:
        return evaluator.loaded[path]
    if "." in name:
        load(evaluator, name.rpartition(".")[0])
    module = evaluator.tree.module(path)
    scope: Scope = {"__file__": f"/{path}", "__name__": name}
    evaluator.loaded[path] = scope
    if module is None or len(evaluator.loaded) > _MOST:
        return scope
    outer, evaluator.tries = evaluator.tries, 0
    try:
        with evaluator.inside(path, name):
            evaluator.block(module.body, scope)
    finally:
        evaluator.tries = outer
    return scope


def import_named(evaluator: Evaluator, args: list[Any]) -> Any:
    """Import a module by a name that the settings compute; one for production, however its file is called."""
    name = "".join(str(part) for part in reversed(args) if isinstance(part, str))
    package, _, last = name.rpartition(".")
    names = [name, *(f"{package}.{word}" for word in sorted(PRODUCTION) if last in PRODUCTION)]
    found = next((known for known in names if known and evaluator.modules.path(known)), None)
    return UNKNOWN if found is None else load(evaluator, found)


def update_module(evaluator: Evaluator, names: Any) -> None:
    """Take names over into the module that is being read, as `globals().update` does."""
    if evaluator.path in evaluator.loaded and isinstance(names, dict):
        _star(evaluator, names, evaluator.loaded[evaluator.path])


def _star(evaluator: Evaluator, inside: Scope, scope: Scope) -> None:
    """Bring the public names of a module into a scope."""
    for name, value in inside.items():
        if not name.startswith("_"):
            scope[name] = value
            evaluator.found.origins.inherit(scope, inside, [name])


def _import(evaluator: Evaluator, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        top = alias.name if alias.asname else alias.name.split(".")[0]
        inside = load(evaluator, alias.name)
        evaluator.needs_file(missing_files.module(evaluator.modules, node, alias.name))
        value: Any = inside or UNKNOWN
        if inside is None and top in natives.NATIVES:
            value = Native(natives.NATIVES[top])
        elif inside is not None and not alias.asname and "." in alias.name:
            value = UNKNOWN
        scope[alias.asname or top] = value


def _import_from(evaluator: Evaluator, node: ast.ImportFrom, scope: Scope) -> None:
    name = evaluator.modules.absolute(node, evaluator.module, evaluator.path)
    inside = _source(evaluator, node, name)
    for alias in node.names:
        if alias.name == "*":
            _star(evaluator, inside or {}, scope)
        elif inside is not None and alias.name in inside:
            bound = alias.asname or alias.name
            scope[bound] = inside[alias.name]
            evaluator.found.origins.note(scope, bound, evaluator.found.origins.of(inside, alias.name))
        else:
            full = f"{name}.{alias.name}"
            part = load(evaluator, full) if evaluator.modules.path(full) else None
            scope[alias.asname or alias.name] = part if part is not None else natives.imported(full)


def _source(evaluator: Evaluator, node: ast.ImportFrom, name: str) -> Scope | None:
    """Return the namespace that names are imported from, or None if it is not the project's.

    Raises:
        Failure: the project lacks that module, inside `try`.
    """
    inside = load(evaluator, name) if name else None
    if inside is not None:
        return inside
    beside = None if evaluator.tries else evaluator.modules.implicit(node, evaluator.module)
    if beside:
        evaluator.found.implicit = True
        inside = load(evaluator, beside)
    if inside is None and evaluator.tries and (node.level or evaluator.modules.is_own(name)):
        raise Failure(set(), "ImportError")
    if inside is None:
        evaluator.needs_file(missing_files.module(evaluator.modules, node, name))
    return inside


STATEMENTS: Handlers = {ast.Import: _import, ast.ImportFrom: _import_from}
