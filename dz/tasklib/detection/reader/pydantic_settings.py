"""pydantic-settings: the fields of a class are variables, read when an instance is made."""

import ast
from dataclasses import dataclass, field
from typing import Any

from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.reader import dotenv
from dz.tasklib.detection.reader.attributes import is_namespace
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import MISSING, UNKNOWN, Scope
from dz.tasklib.detection.syntax import source

_ALIASES = ("validation_alias", "alias", "env")


@dataclass(frozen=True)
class Fields:
    """A class of pydantic-settings.

    Args:
        scope: the names where it is defined.
        path: the file that defines it.
        names: its fields and those that it inherits.
        options: what `model_config` or `class Config` say.
    """

    scope: Scope
    path: str
    names: dict[str, ast.AnnAssign] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def fields(evaluator: Evaluator, node: ast.ClassDef, scope: Scope, parents: list[Fields]) -> Fields:
    """Return the fields of a class and of those that it inherits from."""
    found = Fields(scope, evaluator.path)
    for parent in parents:
        found.names.update(parent.names)
        found.options.update(parent.options)
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found.names[statement.target.id] = statement
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            words = statement.value.keywords if source(statement.targets[0]) == "model_config" else []
            found.options.update({word.arg: evaluator.value(word.value, scope) for word in words if word.arg})
        elif isinstance(statement, ast.ClassDef) and statement.name == "Config":
            options = [one for one in statement.body if isinstance(one, ast.Assign)]
            found.options.update({source(one.targets[0]): evaluator.value(one.value, scope) for one in options})
    return found


def instance(evaluator: Evaluator, made: Fields, given: dict[str, Any]) -> Any:
    """Return an instance of a class, each field read from its variable.

    Args:
        given: keyword arguments of the call; those that begin with `_` replace options.
    """
    options = {**made.options, **{key[1:]: value for key, value in given.items() if key.startswith("_")}}
    named = options.get("env_file")
    for path in named if isinstance(named, list | tuple) else [named]:
        if isinstance(path, str):
            dotenv.read(evaluator, [joined(evaluator.home, path.removeprefix("./"))])
    prefix = options.get("env_prefix")
    outer = evaluator.variables.basis
    found: Scope = {"__name__": "settings"}
    for name, statement in made.names.items():
        evaluator.variables.basis = f"{made.path}:{statement.lineno}"
        alias, default = _field(evaluator, statement, made.scope)
        variable = alias or f"{prefix if isinstance(prefix, str) else ''}{name}".upper()
        if is_namespace(default):
            found[name] = default
            continue
        got = given[name] if name in given else evaluator.variables.ask(variable, default, strict=True)
        found[name] = evaluator.demand(got, variable, "ValidationError")
    evaluator.variables.basis = outer
    return found


def _field(evaluator: Evaluator, statement: ast.AnnAssign, scope: Scope) -> tuple[str | None, Any]:
    """Return the name that a field is read by, if it has one of its own, and its default or MISSING."""
    value = statement.value
    if value is None:
        nested = isinstance(scope.get(source(statement.annotation)), Fields)
        return None, UNKNOWN if nested or "ClassVar" in source(statement.annotation) else MISSING
    if not isinstance(value, ast.Call) or source(value.func).rpartition(".")[2] != "Field":
        return None, evaluator.value(value, scope)
    words = {word.arg: word.value for word in value.keywords if word.arg}
    alias = next((evaluator.value(words[key], scope) for key in _ALIASES if key in words), None)
    if "default_factory" in words:
        made = ast.copy_location(ast.Call(words["default_factory"], [], []), value)
        default = evaluator.value(ast.fix_missing_locations(made), scope)
    else:
        first = words.get("default", value.args[0] if value.args else None)
        default = MISSING if first is None else evaluator.value(first, scope)
    return (alias if isinstance(alias, str) else None), MISSING if default is ... else default
