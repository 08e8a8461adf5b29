"""Expressions of the settings reader; see `interpreter`."""

import ast
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.environment import MISSING, NATIVES, Variables
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.values import (
    BUILTINS,
    COMPARE,
    METHODS,
    PATHS,
    UNKNOWN,
    Native,
    Unknown,
    UrlDatabase,
    binary,
    bounded,
    known,
)

MAX_STEPS = 60_000


class Failure(Exception):
    """The interpreted code would raise here.

    Args:
        names: the variables whose absence is the cause.
        kind: the name of the exception's class.
    """

    def __init__(self, names: set[str], kind: str) -> None:
        super().__init__(kind)
        self.names = names
        self.kind = kind


@dataclass(frozen=True)
class Function:
    """A function that the project defines."""

    node: ast.FunctionDef
    scope: dict[str, Any]
    path: str
    module: str


class Expressions:
    """Evaluates expressions; statements are the subclass's."""

    def __init__(self, tree: Tree, variables: Variables) -> None:
        self.tree = tree
        self.variables = variables
        self.taint: dict[tuple[int, str], set[str]] = {}
        self.conditions: list[set[str]] = []
        self.path = ""
        self.name = ""
        self.tries = 0
        self.depth = 0
        self.steps = 0

    def spend(self) -> None:
        """Count a step; RecursionError ends an interpretation that takes too long."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise RecursionError

    def require(self, names: set[str]) -> None:
        """Record variables without which the settings cannot be imported."""
        for name in names:
            self.variables.required.setdefault(name, self.variables.read.get(name, self.variables.basis))

    def blamed(self) -> set[str]:
        """Return the variables that the innermost condition on the environment was about."""
        touched = next((names for names in reversed(self.conditions) if names), set())
        return touched & self.variables.without_default or touched

    def test(self, node: ast.expr, scope: dict[str, Any]) -> tuple[Any, set[str]]:
        """Return the truth of a condition, or UNKNOWN, and the variables that it depends on."""
        outer, self.variables.touched = self.variables.touched, set()
        try:
            value = self.value(node, scope)
        finally:
            touched, self.variables.touched = self.variables.touched, outer | self.variables.touched
        return (UNKNOWN if isinstance(value, Unknown | UrlDatabase) else bool(value)), touched

    def value(self, node: ast.expr | None, scope: dict[str, Any]) -> Any:
        """Return the value of an expression, or UNKNOWN."""
        self.spend()
        evaluate = getattr(self, f"of_{type(node).__name__}", None)
        return UNKNOWN if evaluate is None else evaluate(node, scope)

    def of_Constant(self, node: ast.Constant, scope: dict[str, Any]) -> Any:
        return node.value

    def of_Name(self, node: ast.Name, scope: dict[str, Any]) -> Any:
        self.variables.touched |= self.taint.get((id(scope), node.id), set())
        if node.id in scope:
            return scope[node.id]
        return BUILTINS.get(node.id, UNKNOWN)

    def imported(self, full: str) -> Any:
        """Return what an imported name of a package outside the project stands for."""
        if full in ("pathlib.Path", "pathlib.PurePath", "unipath.Path"):
            return PurePosixPath
        if full.startswith("os.path.") and full[8:] in PATHS:
            return PATHS[full[8:]]
        return Native(NATIVES[full]) if full in NATIVES else UNKNOWN

    def of_Attribute(self, node: ast.Attribute, scope: dict[str, Any]) -> Any:
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
        if full == "sys.argv":
            return ["manage.py"]
        if full in ("sys.platform", "os.name"):
            return "linux" if attribute == "platform" else "posix"
        if holder.name == "os.path":
            return PATHS.get(attribute, Native(full))
        if full in NATIVES or full == "pathlib.Path":
            return self.imported(full)
        if holder.name == "env":
            return Native(full, holder.prefix, holder.schemes)
        return Native(full) if holder.name in ("os.environ", "env") else UNKNOWN

    def of_Subscript(self, node: ast.Subscript, scope: dict[str, Any]) -> Any:
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

    def of_Call(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        if isinstance(node.func, ast.Attribute):
            holder = self.value(node.func.value, scope)
            if not isinstance(holder, Native) and not (isinstance(holder, dict) and "__name__" in holder):
                return self.method(holder, node, scope)
        function = self.value(node.func, scope)
        args = [self.value(arg, scope) for arg in node.args]
        kwargs = {word.arg: self.value(word.value, scope) for word in node.keywords if word.arg}
        if isinstance(function, Function):
            return self.call_function(function, args, kwargs)
        if isinstance(function, Native):
            return self.native_call(function, node, args, kwargs)
        if (
            isinstance(node.func, ast.Name)
            and node.func.id in ("include", "optional")
            and isinstance(function, Unknown)
        ):
            return self.include(args, scope) if node.func.id == "include" else (args or [UNKNOWN])[0]
        if ast.unparse(node.func) in ("sys.exit", "exit", "quit"):
            raise Failure(self.blamed(), "SystemExit")
        if not callable(function) or not known([*args, *kwargs.values()]):
            return UNKNOWN
        return self.safely(function, args, kwargs)

    def include(self, args: list[Any], scope: dict[str, Any]) -> Any:
        """Follow an include of django-split-settings; the subclass knows modules."""
        return UNKNOWN

    def call_function(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Interpret a call of a function of the project; the subclass knows statements."""
        raise NotImplementedError

    def native_call(self, function: Native, node: ast.Call, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Imitate a call of a settings package or of `os`."""
        if function.name in ("dotenv", "env.read_env", "env.read_envfile"):
            self.read_dotenv(args)
            return UNKNOWN
        if function.name == "env.prefixed":
            return Native("env", prefix=str(args[0]) if args else "", schemes=function.schemes)
        if function.name.startswith("os.path.") and args and isinstance(args[0], str | PurePosixPath):
            path = str(args[0]).strip("/")
            return self.tree.has(path) or self.tree.has_folder(path)
        got = self.variables.call(function, args, kwargs)
        if got is not MISSING:
            return got
        name = function.prefix + str(args[0] if args else "DATABASE_URL")
        return self.missing(MISSING, name, "ImproperlyConfigured UndefinedValueError EnvError KeyError")

    def read_dotenv(self, args: list[Any]) -> None:
        """Take the names that a committed .env sets."""
        named = [str(arg).strip("/") for arg in args if isinstance(arg, str | PurePosixPath)]
        for path in named or [".env"]:
            for line in (self.tree.text(path) or "").splitlines():
                name = line.removeprefix("export ").partition("=")[0].strip()
                if name.isidentifier():
                    self.variables.dotenv.add(name)

    def method(self, holder: Any, node: ast.Call, scope: dict[str, Any]) -> Any:
        """Call a harmless method of a known value."""
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - for mypy
        args = [self.value(arg, scope) for arg in node.args]
        kwargs = {word.arg: self.value(word.value, scope) for word in node.keywords if word.arg}
        name = node.func.attr
        if holder is None:
            raise Failure(self.causes(), "AttributeError")
        if isinstance(holder, PurePosixPath) and name in ("exists", "is_file", "is_dir"):
            path = str(holder).strip("/")
            return self.tree.has(path) or self.tree.has_folder(path)
        if isinstance(holder, PurePosixPath) and name in ("resolve", "absolute", "expanduser"):
            return holder
        if isinstance(holder, PurePosixPath) and name == "read_text":
            return UNKNOWN
        kind = next((kind for kind in METHODS if isinstance(holder, kind)), None)
        if kind is None or name not in METHODS[kind] or (kind is str and not known(args)):
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

    def of_List(self, node: ast.List, scope: dict[str, Any]) -> Any:
        return self.items(node.elts, scope)

    def of_Set(self, node: ast.Set, scope: dict[str, Any]) -> Any:
        return self.items(node.elts, scope)

    def of_Tuple(self, node: ast.Tuple, scope: dict[str, Any]) -> Any:
        return tuple(self.items(node.elts, scope))

    def items(self, nodes: list[ast.expr], scope: dict[str, Any]) -> list[Any]:
        """Return the values of several expressions; a starred unknown becomes one UNKNOWN."""
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value, scope)
                found.extend(inner if isinstance(inner, list | tuple) else [UNKNOWN])
            else:
                found.append(self.value(node, scope))
        return found

    def of_Dict(self, node: ast.Dict, scope: dict[str, Any]) -> Any:
        found: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            name, value = (self.value(key, scope) if key else None), self.value(item, scope)
            if key is None and isinstance(value, dict):
                found |= value
            elif isinstance(name, str | int):
                found[name] = value
        return found

    def of_IfExp(self, node: ast.IfExp, scope: dict[str, Any]) -> Any:
        test, _ = self.test(node.test, scope)
        if isinstance(test, Unknown):
            return UNKNOWN
        return self.value(node.body if test else node.orelse, scope)

    def of_BoolOp(self, node: ast.BoolOp, scope: dict[str, Any]) -> Any:
        wanted = isinstance(node.op, ast.Or)
        unsure = False
        value: Any = UNKNOWN
        for part in node.values:
            value = self.value(part, scope)
            if isinstance(value, Unknown | UrlDatabase):
                unsure = True
            elif bool(value) == wanted:
                return value
        return UNKNOWN if unsure else value

    def of_UnaryOp(self, node: ast.UnaryOp, scope: dict[str, Any]) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(value, Unknown):
            return UNKNOWN
        if isinstance(node.op, ast.Not):
            return not value
        return -value if isinstance(node.op, ast.USub) and isinstance(value, int | float) else UNKNOWN

    def of_BinOp(self, node: ast.BinOp, scope: dict[str, Any]) -> Any:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return self.safely(lambda one, two: binary(type(node.op).__name__, one, two), [left, right], {})

    def of_Compare(self, node: ast.Compare, scope: dict[str, Any]) -> Any:
        left, right = self.value(node.left, scope), self.value(node.comparators[0], scope)
        if len(node.ops) > 1 or isinstance(left, Unknown):
            return UNKNOWN
        name = type(node.ops[0]).__name__
        if isinstance(right, Native) and right.name == "os.environ":
            self.variables.ask(left)
            return name == "NotIn"
        if isinstance(right, Unknown | Native) or (not known(right) and name not in ("Is", "IsNot")):
            return UNKNOWN
        return self.safely(COMPARE[name], [left, right], {})

    def of_JoinedStr(self, node: ast.JoinedStr, scope: dict[str, Any]) -> Any:
        parts = [self.value(part, scope) for part in node.values]
        return bounded("".join(map(str, parts))) if known(parts) else UNKNOWN

    def of_FormattedValue(self, node: ast.FormattedValue, scope: dict[str, Any]) -> Any:
        return self.value(node.value, scope) if node.format_spec is None else UNKNOWN

    def of_ListComp(self, node: ast.ListComp, scope: dict[str, Any]) -> Any:
        return self.comprehension(node, scope)

    def of_GeneratorExp(self, node: ast.GeneratorExp, scope: dict[str, Any]) -> Any:
        return self.comprehension(node, scope)

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: dict[str, Any]) -> Any:
        """Follow a comprehension over one known sequence of a single name."""
        first = node.generators[0]
        items = self.value(first.iter, scope)
        if (
            len(node.generators) > 1
            or not isinstance(items, list | tuple | dict)
            or not isinstance(first.target, ast.Name)
        ):
            return UNKNOWN
        found = []
        for item in list(items)[:200]:
            inner = {**scope, first.target.id: item}
            if all(self.test(test, inner)[0] is True for test in first.ifs):
                found.append(self.value(node.elt, inner))
        return found

    @staticmethod
    def arguments(function: Function, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the local names that a call binds; defaults that are not literals are UNKNOWN."""
        spec = function.node.args
        names = [arg.arg for arg in [*spec.posonlyargs, *spec.args]]
        bound: dict[str, Any] = dict.fromkeys([*names, *(arg.arg for arg in spec.kwonlyargs)], UNKNOWN)
        pairs = [*zip(reversed(names), reversed(spec.defaults), strict=False)]
        pairs += [(arg.arg, default) for arg, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default]
        for name, default in pairs:
            bound[name] = default.value if isinstance(default, ast.Constant) else UNKNOWN
        bound |= dict(zip(names, args, strict=False)) | kwargs
        if spec.vararg:
            bound[spec.vararg.arg] = args[len(names) :]
        return bound
