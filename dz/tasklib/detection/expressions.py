"""Expressions of the settings reader; see `interpreter`."""

import ast
import time
from dataclasses import dataclass, field
from typing import Any

from dz.tasklib.detection.environment import Variables
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.values import (
    BUILTINS,
    UNKNOWN,
    Unknown,
    UrlDatabase,
    binary,
    bounded,
    grows,
    known,
)

MAX_STEPS = 60_000
MAX_SECONDS = 5
"""Of the processor; real settings take a hundredth of that."""


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

    def arguments(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the local names that a call binds; defaults that are not literals are UNKNOWN."""
        spec = self.node.args
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


@dataclass(frozen=True)
class Fields:
    """A class of pydantic-settings: its fields are variables."""

    scope: dict[str, Any]
    path: str
    names: dict[str, ast.AnnAssign] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


class Expressions:
    """Evaluates expressions; statements are the subclass's."""

    def __init__(self, tree: Tree, variables: Variables) -> None:
        self.tree = tree
        self.variables = variables
        self.taint: dict[tuple[int, str], set[str]] = {}
        self.kept: list[dict[Any, Any]] = []  # so that no other object gets the identity of one that `taint` knows
        self.absent: dict[str, str] = {}
        self.conditions: list[set[str]] = []
        self.home = ""
        self.path = ""
        self.name = ""
        self.target = ""
        self.tries = 0
        self.depth = 0
        self.steps = 0
        self.until = time.process_time() + MAX_SECONDS

    def spend(self) -> None:
        """Count a step; RecursionError ends an interpretation that takes too long."""
        self.steps += 1
        if self.steps > MAX_STEPS or time.process_time() > self.until:
            raise RecursionError

    def require(self, names: set[str]) -> None:
        """Record variables without which the settings cannot be imported."""
        for name in names:
            self.variables.required.setdefault(name, self.variables.read.get(name, self.variables.basis))

    def needs_file(self, path: str | None) -> None:
        """Record a file that must exist before the settings can be imported."""
        if path and not self.tries:
            self.absent.setdefault(path, self.variables.basis)

    def blamed(self) -> set[str]:
        """Return the variables that the innermost condition on the environment was about."""
        touched = next((names for names in reversed(self.conditions) if names), set())
        if not touched and self.depth:
            return self.variables.touched & self.variables.without_default
        return touched & self.variables.without_default or touched

    def test(self, node: ast.expr, scope: dict[str, Any]) -> tuple[Any, set[str]]:
        """Return the truth of a condition, or UNKNOWN, and the variables that it depends on."""
        value, touched = self.with_touched(node, scope)
        return (UNKNOWN if isinstance(value, Unknown | UrlDatabase) else bool(value)), touched

    def with_touched(self, node: ast.expr, scope: dict[str, Any]) -> tuple[Any, set[str]]:
        """Return the value of an expression and the variables that it depends on."""
        outer, self.variables.touched = self.variables.touched, set()
        try:
            value = self.value(node, scope)
        finally:
            touched, self.variables.touched = self.variables.touched, outer | self.variables.touched
        return value, touched

    def value(self, node: ast.expr | None, scope: dict[str, Any]) -> Any:
        """Return the value of an expression, or UNKNOWN."""
        self.spend()
        evaluate = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if evaluate is None:
            return UNKNOWN
        if self.tries or self.depth or not isinstance(node, ast.Call | ast.Subscript | ast.BinOp):
            return evaluate(node, scope)
        outer, self.variables.touched = self.variables.touched, set()
        try:
            return evaluate(node, scope)
        except Failure as failure:  # the rest of the statement may need more
            self.require(failure.names)
            return UNKNOWN
        finally:
            self.variables.touched |= outer

    def _of_constant(self, node: ast.Constant, scope: dict[str, Any]) -> Any:
        return node.value

    def _of_name(self, node: ast.Name, scope: dict[str, Any]) -> Any:
        self.variables.touched |= self.taint.get((id(scope), node.id), set())
        if node.id in scope:
            return scope[node.id]
        return BUILTINS.get(node.id, UNKNOWN)

    def safely(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call, and read a failure as what an unset variable causes; the subclass knows calls."""
        raise NotImplementedError

    def _of_list(self, node: ast.List, scope: dict[str, Any]) -> Any:
        return bounded(self.items(node.elts, scope))

    def _of_set(self, node: ast.Set, scope: dict[str, Any]) -> Any:
        return bounded(self.items(node.elts, scope))

    def _of_tuple(self, node: ast.Tuple, scope: dict[str, Any]) -> Any:
        return bounded(tuple(self.items(node.elts, scope)))

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

    def _of_dict(self, node: ast.Dict, scope: dict[str, Any]) -> Any:
        found: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            name = self.value(key, scope) if key else None
            value, touched = self.with_touched(item, scope)
            if key is None and isinstance(value, dict):
                found |= value
                self.taint |= {(id(found), name): self.taint.get((id(value), name), set()) for name in value}
            elif isinstance(name, str | int):
                found[name] = value
                self.taint[id(found), str(name)] = touched
        self.kept.append(found)
        return bounded(found)

    def _of_ifexp(self, node: ast.IfExp, scope: dict[str, Any]) -> Any:
        test, _ = self.test(node.test, scope)
        if isinstance(test, Unknown):
            return UNKNOWN
        return self.value(node.body if test else node.orelse, scope)

    def _of_unaryop(self, node: ast.UnaryOp, scope: dict[str, Any]) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(value, Unknown):
            return UNKNOWN
        if isinstance(node.op, ast.Not):
            return not value
        return -value if isinstance(node.op, ast.USub) and isinstance(value, int | float) else UNKNOWN

    def _of_binop(self, node: ast.BinOp, scope: dict[str, Any]) -> Any:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return self.safely(lambda one, two: binary(type(node.op).__name__, one, two), [left, right], {})

    def _of_joinedstr(self, node: ast.JoinedStr, scope: dict[str, Any]) -> Any:
        parts = [self.value(part, scope) for part in node.values]
        return bounded("".join(map(str, parts))) if known(parts) and not grows("", parts) else UNKNOWN

    def _of_formattedvalue(self, node: ast.FormattedValue, scope: dict[str, Any]) -> Any:
        return self.value(node.value, scope) if node.format_spec is None else UNKNOWN

    def _of_listcomp(self, node: ast.ListComp, scope: dict[str, Any]) -> Any:
        return self.comprehension(node, scope)

    def _of_generatorexp(self, node: ast.GeneratorExp, scope: dict[str, Any]) -> Any:
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
        return bounded(found)
