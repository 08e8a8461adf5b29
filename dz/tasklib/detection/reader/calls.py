"""Calls: of the project's functions and classes, of what is imitated, and of harmless methods and functions."""

import ast
import re
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.reader import (
    failures,
    functions,
    imports,
    missing_files,
    packages,
    pydantic_settings,
    split_settings,
)
from dz.tasklib.detection.reader.allowlist import may_call
from dz.tasklib.detection.reader.attributes import is_namespace
from dz.tasklib.detection.reader.bounds import grows, known
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.functions import Function
from dz.tasklib.detection.reader.pydantic_settings import Fields
from dz.tasklib.detection.reader.values import UNKNOWN, Native, Scope, Unknown, UrlDatabase
from dz.tasklib.detection.syntax import source


def _call(evaluator: Evaluator, node: ast.Call, scope: Scope) -> Any:
    named = source(node.func)
    if named in ("globals().update", "vars") and node.args:
        return _call_for_names(evaluator, named, evaluator.value(node.args[0], scope))
    if isinstance(node.func, ast.Attribute):
        holder = evaluator.value(node.func.value, scope)
        if not isinstance(holder, Native) and not is_namespace(holder):
            args, kwargs = evaluator.values(node.args, scope), _keywords(evaluator, node, scope)
            return _call_method(evaluator, holder, node.func.attr, args, kwargs)
    function = evaluator.value(node.func, scope)
    args, kwargs = _arguments(evaluator, node, scope, function), _keywords(evaluator, node, scope)
    if isinstance(function, Unknown):
        return _call_unknown(evaluator, named, args, kwargs, scope)
    return _call_function(evaluator, function, args, kwargs)


def _call_for_names(evaluator: Evaluator, named: str, names: Any) -> Any:
    """Follow `vars(module)`, which is the module's namespace here, and `globals().update(names)`."""
    if named == "vars":
        return names
    imports.update_module(evaluator, names)
    return None


def _call_function(evaluator: Evaluator, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    match function:
        case Native():
            return packages.call(evaluator, function, args, kwargs)
        case Fields():
            return pydantic_settings.instance(evaluator, function, kwargs)
        case Function():
            return functions.call(evaluator, function, args, kwargs)
    if not callable(function) or not known([*args, *kwargs.values()]):
        return UNKNOWN
    return failures.call(evaluator.variables, function, args, kwargs)


def _call_unknown(evaluator: Evaluator, named: str, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> Any:
    """Follow a call of what is known by its name alone: of django-split-settings, of `open`, or one that ends it all."""
    if named in ("sys.exit", "exit", "quit"):
        raise Failure(evaluator.blamed(), "SystemExit")
    if named == "include":
        return split_settings.include(evaluator, args, scope)
    if named == "optional":
        return (args or [UNKNOWN])[0]
    mode = str((args[1:] or [kwargs.get("mode") or "r"])[0])
    if named == "open" and mode.startswith("r"):
        evaluator.needs_file(missing_files.file(evaluator.tree, evaluator.home, args[0] if args else None))
    return UNKNOWN


def _arguments(evaluator: Evaluator, node: ast.Call, scope: Scope, function: Any) -> list[Any]:
    """Return the values of a call's arguments, and note which variables become numbers or flags."""
    variables = evaluator.variables
    outer, variables.touched = variables.touched, set()
    try:
        return evaluator.values(node.args, scope)
    finally:
        if function is int or function is bool:
            for name in variables.touched:
                variables.casts.setdefault(name, function.__name__)
        variables.touched |= outer


def _keywords(evaluator: Evaluator, node: ast.Call, scope: Scope) -> dict[str, Any]:
    return {word.arg: evaluator.value(word.value, scope) for word in node.keywords if word.arg}


def _call_method(evaluator: Evaluator, holder: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a harmless method of a known value."""
    if holder is None:
        raise Failure(evaluator.variables.causes(), "AttributeError")
    if isinstance(holder, PurePosixPath) and name in ("exists", "is_file", "is_dir"):
        return evaluator.tree.exists(str(holder))
    if isinstance(holder, PurePosixPath) and name in ("resolve", "absolute", "expanduser", "read_text"):
        return UNKNOWN if name == "read_text" else holder
    if isinstance(holder, dict) and name == "update" and args and isinstance(args[0], UrlDatabase):
        return holder.update({"ENGINE": args[0]})
    if isinstance(holder, str) and name == "format":
        given = [*args, *kwargs.values()]
        plain = "{" not in re.sub(r"\{\w*\}", "", holder)
        allowed = plain and known(given) and not grows(holder, given)
    else:
        allowed = may_call(holder, name, args, kwargs)
    return failures.call(evaluator.variables, getattr(holder, name), args, kwargs) if allowed else UNKNOWN


EXPRESSIONS: Handlers = {ast.Call: _call}
