"""django-configurations: settings are attributes of a class, and its values read variables by the attribute's name."""

import ast
from typing import Any

from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import Native, Scope, UrlDatabase

_URLS = {"DatabaseURLValue": "DATABASE_URL", "CacheURLValue": "CACHE_URL", "EmailURLValue": "EMAIL_URL"}


def namespace(evaluator: Evaluator, node: ast.ClassDef, scope: Scope, parents: list[Scope]) -> Scope:
    """Return the settings of a class and of those that it inherits from."""
    inner = {**scope, **{key: value for parent in parents for key, value in parent.items()}}
    evaluator.block([statement for statement in node.body if not isinstance(statement, ast.FunctionDef)], inner)
    inner["__name__"] = node.name
    evaluator.found.configurations[node.name] = inner
    return inner


def value(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Read a variable as `values.Value` and its like do."""
    kind = native.name.partition(".")[2]
    prefix = kwargs.get("environ_prefix", None if kind in _URLS else "DJANGO")
    name = kwargs.get("environ_name") or _URLS.get(kind) or evaluator.target
    variable = f"{prefix}_{name}" if isinstance(prefix, str) and prefix else str(name)
    default = kwargs.get("default", args[0] if args else None)
    if kind == "SecretValue" or kwargs.get("environ_required") is True:
        return evaluator.demand(evaluator.variables.ask(variable, strict=True), variable, "ValueError")
    got = evaluator.variables.ask(variable, default)
    return UrlDatabase(got) if kind == "DatabaseURLValue" else got
