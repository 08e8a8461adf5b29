"""Values of the settings reader: what is known, what is not, and which operations are safe on untrusted text."""

import operator
import posixpath
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

MAX_SIZE = 20_000
MAX_WEIGHT = 20_000
MAX_GROWN = 4_000_000
"""Items or characters of one value, parts of one value with all that is in it, characters that one call may give."""


class Unknown:
    """A value that only running the project could tell."""

    def __repr__(self) -> str:
        return "unknown"


class Native:
    """A function or object of the standard library or of a settings package that the reader imitates."""

    def __init__(self, name: str, prefix: str = "", schemes: dict[str, Any] | None = None) -> None:
        self.name = name
        self.prefix = prefix
        self.schemes = schemes or {}


class EnvironPath(PurePosixPath):
    """`environ.Path` of django-environ: `path - 2` goes up, `path("a")` and `path.path("a")` go down."""

    def __sub__(self, levels: int) -> "EnvironPath":
        path = self
        for _ in range(min(levels, 20)):
            path = path.parent
        return path

    def __call__(self, *names: str) -> str:
        """Return the text of a path below."""
        return str(self.joinpath(*names))

    def path(self, *names: str) -> "EnvironPath":
        """Return the path of a name below."""
        return self.joinpath(*names)


class UrlDatabase:
    """A DATABASES entry that a URL in the environment decides."""

    def __init__(self, default: Any) -> None:
        self.default = default


PRODUCTION = {"production", "prod", "prd", "live", "deploy", "release"}


class Stage(str):
    """The name of the environment in production, however the project spells it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.lower() in PRODUCTION

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash("production")

    def lower(self) -> "Stage":
        """Return the same: the comparison knows every spelling."""
        return self

    upper = title = capitalize = lower

    def strip(self, chars: str | None = None) -> "Stage":
        """Return the same."""
        return self


UNKNOWN = Unknown()
_HEAVY = Unknown()

METHODS: dict[type, set[str]] = {
    str: {"split", "rsplit", "lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "join", "replace", "removeprefix", "removesuffix", "splitlines", "partition", "rpartition", "isdigit", "isnumeric", "isalnum", "title", "capitalize", "count", "find", "encode"},
    list: {"append", "extend", "insert", "copy", "index", "remove", "pop", "count", "reverse"},
    tuple: {"count", "index"},
    dict: {"get", "update", "keys", "values", "items", "copy", "setdefault", "pop"},
    set: {"add", "update", "union", "discard", "copy"},
    EnvironPath: {"path", "joinpath", "with_name", "with_suffix", "as_posix"},
    PurePosixPath: {"joinpath", "with_name", "with_suffix", "as_posix", "is_absolute", "absolute", "resolve", "expanduser"},
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Div": operator.truediv, "FloorDiv": operator.floordiv,
    "Mod": operator.mod, "BitOr": operator.or_, "BitAnd": operator.and_, "Mult": operator.mul,
}  # fmt: skip
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt,
    "GtE": operator.ge, "Is": operator.is_, "IsNot": operator.is_not,
    "In": lambda left, right: left in right, "NotIn": lambda left, right: left not in right,
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


def known(value: Any) -> bool:
    """Say whether a value, and every part of it, is known."""
    return all(not isinstance(part, Unknown | Native | UrlDatabase) for part in _parts(value))


def light(value: Any) -> bool:
    """Say whether a value is small, written out: a list of lists of the same lists is short, and endless."""
    return all(part is not _HEAVY for part in _parts(value))


def _parts(value: Any) -> Iterator[Any]:
    """Yield a value and all in it, and _HEAVY where it grows too large; a long text counts as several parts."""
    waiting, weight = [value], 0
    while waiting:
        part = waiting.pop()
        yield part
        weight += 1 + (len(part) // 10 if isinstance(part, str | bytes) else 0)
        if weight > MAX_WEIGHT:
            yield _HEAVY
            return
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set):
            waiting += part


def bounded(value: Any) -> Any:
    """Return the value, or UNKNOWN if it has grown too large to be worth following."""
    if isinstance(value, str | bytes | list | tuple | dict | set) and (len(value) > MAX_SIZE or not light(value)):
        return UNKNOWN
    return UNKNOWN if isinstance(value, int) and abs(value) > 2**64 else value


def grows(text: str, given: Any) -> bool:
    """Say whether putting values into a text, or the text between them, may give a very long one."""
    lengths = [len(part) for part in _parts(given) if isinstance(part, str | list | tuple)]
    return (len(text) + 1 + max(lengths, default=0)) * max([len(text), *lengths]) > MAX_GROWN


def binary(name: str, left: Any, right: Any) -> Any:
    """Apply a binary operator if that is cheap and safe, else return UNKNOWN."""
    if isinstance(left, list) and isinstance(right, Unknown) and name == "Add":
        return [*left, UNKNOWN]
    if isinstance(right, list) and isinstance(left, Unknown) and name == "Add":
        return [UNKNOWN, *right]
    if name not in BINARY or isinstance(left, Unknown | Native) or isinstance(right, Unknown | Native):
        return UNKNOWN
    if name == "Mult" and not (isinstance(left, int | float) and isinstance(right, int | float)):
        return UNKNOWN
    if name == "Mod" and isinstance(left, str):
        plain = left.replace("%s", "").replace("%d", "")
        return UNKNOWN if "%" in plain or not known(right) or grows(left, right) else bounded(left % right)
    return bounded(BINARY[name](left, right))
