"""Attributes, elements and calls of the settings reader; see `interpreter`."""

import ast
import re
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection import absent
from dz.tasklib.detection.comparisons import Comparisons
from dz.tasklib.detection.environment import MISSING, NATIVES
from dz.tasklib.detection.expressions import Failure, Fields, Function
from dz.tasklib.detection.tree import source
from dz.tasklib.detection.values import (
    METHODS,
    PATHS,
    UNKNOWN,
    EnvironPath,
    Native,
    Unknown,
    UrlDatabase,
    bounded,
    grows,
    known,
    light,
)

_FIXED: dict[str, Any] = {"sys.argv": ["manage.py"], "sys.platform": "linux", "os.name": "posix"}


class Calls(Comparisons):
    """Adds attributes, elements and calls to the expressions."""

    def imported(self, full: str) -> Any:
        """Return what an imported name of a package outside the project stands for."""
        if full in ("pathlib.Path", "pathlib.PurePath", "unipath.Path"):
            return PurePosixPath
        if full == "environ.Path":
            return EnvironPath
        if full.startswith("os.path.") and full[8:] in PATHS:
            return PATHS[full[8:]]
        if full.startswith("configurations.values."):
            return Native(f"values.{full.rpartition('.')[2]}")
        return Native(NATIVES[full]) if full in NATIVES else UNKNOWN

    def _of_attribute(self, node: ast.Attribute, scope: dict[str, Any]) -> Any:
        holder = self.value(node.value, scope)
        if isinstance(holder, Native):
            return self.native_attribute(holder, node.attr)
        if isinstance(holder, dict) and "__name__" in holder:
            self.variables.touched |= self.taint.get((id(holder), node.attr), set())
            return holder.get(node.attr, UNKNOWN)
        if isinstance(holder, PurePosixPath) and node.attr in ("parent", "name", "stem", "suffix", "parents"):
            return holder.parent if node.attr == "parent" else getattr(holder, node.attr)
        return UNKNOWN

    def native_attribute(self, holder: Native, attribute: str) -> Any:
        """Return an attribute of an imitated module or object."""
        full = f"{holder.name}.{attribute}"
        if full in _FIXED:
            return _FIXED[full]
        if holder.name == "os.path":
            return PATHS.get(attribute, Native(full))
        if full in NATIVES or full in ("pathlib.Path", "environ.Path"):
            return self.imported(full)
        if holder.name == "env" or full == "config.get":
            return Native(full if holder.name == "env" else "config", holder.prefix, holder.schemes)
        return Native(full) if holder.name in ("os.environ", "env", "values") else UNKNOWN

    def _of_subscript(self, node: ast.Subscript, scope: dict[str, Any]) -> Any:
        holder, key = self.value(node.value, scope), self.value(node.slice, scope)
        if isinstance(holder, Native) and holder.name in ("os.environ", "env"):
            return self.missing(self.variables.ask(key, strict=True), key, "KeyError")
        if holder is None:
            raise Failure(self.causes(), "TypeError")
        if (
            isinstance(holder, Unknown | Native | UrlDatabase)
            or isinstance(key, Unknown)
            or isinstance(node.slice, ast.Slice)
        ):
            return UNKNOWN
        try:
            return holder[key]
        except (LookupError, TypeError):
            return UNKNOWN

    def missing(self, got: Any, key: Any, kind: str) -> Any:
        """Turn a failed read into a failure inside `try`, else record it and go on."""
        if got is not MISSING:
            return got
        if self.tries:
            raise Failure({key}, kind)
        self.require({key})
        return UNKNOWN

    def causes(self) -> set[str]:
        """Return the variables without a default that the current statement touched."""
        return self.variables.touched & self.variables.without_default

    def _of_call(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        named = source(node.func)
        if named in ("globals().update", "vars") and node.args:
            taken = self.value(node.args[0], scope)
            return taken if named == "vars" else self.update_module(taken)
        if isinstance(node.func, ast.Attribute):
            holder = self.value(node.func.value, scope)
            if not isinstance(holder, Native) and not (isinstance(holder, dict) and "__name__" in holder):
                return self.method(holder, node, scope)
        function = self.value(node.func, scope)
        args = self.given(node.args, scope, function)
        kwargs = {word.arg: self.value(word.value, scope) for word in node.keywords if word.arg}
        if isinstance(function, Function | Fields | Native):
            return self.call_imitated(function, args, kwargs)
        if named in ("include", "optional", "open") and isinstance(function, Unknown):
            return self.call_named(named, args, str((args[1:] or [kwargs.get("mode") or "r"])[0]), scope)
        if named in ("sys.exit", "exit", "quit"):
            raise Failure(self.blamed(), "SystemExit")
        if not callable(function) or not known([*args, *kwargs.values()]):
            return UNKNOWN
        return self.safely(function, args, kwargs)

    def call_named(self, named: str, args: list[Any], mode: str, scope: dict[str, Any]) -> Any:
        """Follow django-split-settings, and note a file that is opened."""
        if named == "include":
            return self.include(args, scope)
        if named == "optional":
            return (args or [UNKNOWN])[0]
        if mode.startswith("r"):
            self.needs_file(absent.file(self.tree, self.home, args[0] if args else None))
        return UNKNOWN

    def given(self, nodes: list[ast.expr], scope: dict[str, Any], function: Any) -> list[Any]:
        """Return the values of a call's arguments, and note which variables become numbers or flags."""
        outer, self.variables.touched = self.variables.touched, set()
        try:
            return self.items(nodes, scope)
        finally:
            if function is int or function is bool:
                for name in self.variables.touched:
                    self.variables.casts.setdefault(name, function.__name__)
            self.variables.touched |= outer

    def include(self, args: list[Any], scope: dict[str, Any]) -> Any:
        """Follow an include of django-split-settings; the subclass knows modules."""
        return UNKNOWN

    def call_function(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Interpret a call of a function of the project; the subclass knows statements."""
        raise NotImplementedError

    def call_imitated(self, function: Function | Fields | Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call what the project defines or what is imitated."""
        if isinstance(function, Native):
            return self.native_call(function, args, kwargs)
        if isinstance(function, Fields):
            return self.call_fields(function, kwargs)
        return self.call_function(function, args, kwargs)

    def call_fields(self, fields: Fields, given: dict[str, Any]) -> Any:
        """Make an instance of a class of pydantic-settings; the subclass knows classes."""
        raise NotImplementedError

    def call_value(self, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Read a value of django-configurations; the subclass knows classes."""
        raise NotImplementedError

    def update_module(self, names: Any) -> Any:
        """Take over names as `globals().update` does; the subclass knows modules."""
        raise NotImplementedError

    def import_named(self, args: list[Any]) -> Any:
        """Import a module by a name that the settings compute; the subclass knows modules."""
        raise NotImplementedError

    def native_call(self, function: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Imitate a call of a settings package or of `os`; the subclass knows them."""
        raise NotImplementedError

    def method(self, holder: Any, node: ast.Call, scope: dict[str, Any]) -> Any:
        """Call a harmless method of a known value."""
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - for mypy
        args = self.items(node.args, scope)
        kwargs = {word.arg: self.value(word.value, scope) for word in node.keywords if word.arg}
        name = node.func.attr
        if holder is None:
            raise Failure(self.causes(), "AttributeError")
        if isinstance(holder, PurePosixPath) and name in ("exists", "is_file", "is_dir"):
            path = str(holder).strip("/")
            return self.tree.has(path) or self.tree.has_folder(path)
        if isinstance(holder, PurePosixPath) and name in ("resolve", "absolute", "expanduser", "read_text"):
            return UNKNOWN if name == "read_text" else holder
        if isinstance(holder, dict) and name == "update" and args and isinstance(args[0], UrlDatabase):
            return holder.update({"ENGINE": args[0]})
        if isinstance(holder, str) and name == "format":
            plain = "{" not in re.sub(r"\{\w*\}", "", holder) and known([*args, *kwargs.values()])
            plain = plain and not grows(holder, [*args, *kwargs.values()])
            return self.safely(holder.format, args, kwargs) if plain else UNKNOWN
        kind = next((kind for kind in METHODS if isinstance(holder, kind)), None)
        fair = kind is not None and name in METHODS[kind] and light([holder, args, kwargs])
        if kind is str:
            fair = fair and known(args) and not (name in ("join", "replace") and grows(holder, args))
        if not fair:
            return UNKNOWN
        return self.safely(getattr(holder, name), args, kwargs)

    def safely(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call, and read a TypeError about None as what an unset variable causes."""
        try:
            return bounded(function(*args, **kwargs))
        except TypeError:
            if None in args and self.causes():
                raise Failure(self.causes(), "TypeError") from None
            return UNKNOWN
        except ValueError:
            causes = self.causes()
            if causes:
                raise Failure(causes, "ValueError") from None
            return UNKNOWN
        except (LookupError, AttributeError, OverflowError):
            return UNKNOWN
