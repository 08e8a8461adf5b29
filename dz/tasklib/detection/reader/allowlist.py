"""What may be done with known values: operations that cost little and reach nothing outside, whatever the values are."""

import ast
import operator
import posixpath
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.reader.bounds import bounded, grows, known, light
from dz.tasklib.detection.reader.values import UNKNOWN, EnvironPath, Native, Unknown

METHODS: dict[type, set[str]] = {
    str: {"split", "rsplit", "lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "join", "replace", "removeprefix", "removesuffix", "splitlines", "partition", "rpartition", "isdigit", "isnumeric", "isalnum", "title", "capitalize", "count", "find", "encode"},
    list: {"append", "extend", "insert", "copy", "index", "remove", "pop", "count", "reverse"},
    tuple: {"count", "index"},
    dict: {"get", "update", "keys", "values", "items", "copy", "setdefault", "pop"},
    set: {"add", "update", "union", "discard", "copy"},
    EnvironPath: {"path", "joinpath", "with_name", "with_suffix", "as_posix"},
    PurePosixPath: {"joinpath", "with_name", "with_suffix", "as_posix", "is_absolute", "absolute", "resolve", "expanduser"},
}  # fmt: skip
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.BitOr: operator.or_, ast.BitAnd: operator.and_, ast.Mult: operator.mul,
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right, ast.NotIn: lambda left, right: left not in right,
}  # fmt: skip
BUILTINS: dict[str, Callable[..., Any]] = {
    "str": str, "int": int, "bool": bool, "float": float, "list": list, "tuple": tuple, "dict": dict, "set": set,
    "len": len, "any": any, "all": all, "sorted": sorted, "frozenset": set, "Path": PurePosixPath,
}  # fmt: skip
PATHS: dict[str, Callable[..., Any]] = {
    "join": posixpath.join, "dirname": posixpath.dirname, "abspath": posixpath.normpath, "basename": posixpath.basename,
    "realpath": posixpath.normpath, "normpath": posixpath.normpath, "split": posixpath.split, "splitext": posixpath.splitext,
    "expanduser": str,
}  # fmt: skip
"""Functions of `os.path`; in the tree that is read there are no links, and its root is "/"."""


def binary(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """Apply a binary operator if that is cheap and safe, else return UNKNOWN."""
    if isinstance(left, list) and isinstance(right, Unknown) and kind is ast.Add:
        return [*left, UNKNOWN]
    if isinstance(right, list) and isinstance(left, Unknown) and kind is ast.Add:
        return [UNKNOWN, *right]
    if kind not in BINARY or isinstance(left, Unknown | Native) or isinstance(right, Unknown | Native):
        return UNKNOWN
    if kind is ast.Mult and not (isinstance(left, int | float) and isinstance(right, int | float)):
        return UNKNOWN
    if kind is ast.Mod and isinstance(left, str):
        plain = left.replace("%s", "").replace("%d", "")
        return UNKNOWN if "%" in plain or not known(right) or grows(left, right) else bounded(left % right)
    return bounded(BINARY[kind](left, right))


def may_call(holder: Any, method: str, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Say whether a method of a value is harmless, and its result small."""
    kind = next((kind for kind in METHODS if isinstance(holder, kind)), None)
    if kind is None or method not in METHODS[kind] or not light([holder, args, kwargs]):
        return False
    return kind is not str or (known(args) and not (method in ("join", "replace") and grows(holder, args)))
