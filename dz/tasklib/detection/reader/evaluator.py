"""Evaluates syntax trees: gives each node to the handler of its type, and keeps what all handlers share."""

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.reader.budget import Budget
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.origins import Origins
from dz.tasklib.detection.reader.values import MISSING, UNKNOWN, Scope, Unknown, UrlDatabase
from dz.tasklib.detection.reader.variables import Variables

Handler = Callable[["Evaluator", Any, Scope], Any]
"""Evaluates one node in a scope; what a handler of a statement returns is ignored."""
Handlers = Mapping[type[Any], Handler]
"""The handler of each type of node."""
_MAY_FAIL = ast.Call | ast.Subscript | ast.BinOp


@dataclass
class Findings:
    """What an evaluation tells besides the values of names.

    Args:
        bases: name of a setting to the `file:line` that set it last.
        chosen: name of a setting to the variables that the branches around it depended on.
        switched: variables that decide between several entries of DATABASES.
        engine: the database engine that the settings refuse to do without, else "".
        absent: files that must exist before the settings can be imported, and the `file:line` that needs each.
        configurations: the classes of django-configurations, by name.
        implicit: a module imports another of its own package without a dot, as only Python 2 does.
        origins: the variables behind names and entries.
    """

    bases: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, set[str]] = field(default_factory=dict)
    switched: set[str] = field(default_factory=set)
    engine: str = ""
    absent: dict[str, str] = field(default_factory=dict)
    configurations: dict[str, Scope] = field(default_factory=dict)
    implicit: bool = False
    origins: Origins = field(default_factory=Origins)


class Evaluator:
    """Evaluates modules of one project.

    Args:
        modules: finds the project's modules by name.
        variables: answers reads of the environment.
        expressions: the handler of each type of expression; any other type is UNKNOWN.
        statements: the handler of each type of statement; any other type is skipped.

    Attributes:
        home: the folder that the project runs in.
        loaded: the namespaces of the modules read so far, by path.
        path: the file that is being read.
        module: its dotted name.
        target: the name that the statement at hand assigns to.
        tries: how many `try` blocks, or branches that may not run, surround the statement at hand.
        depth: how many calls of the project's functions do.
        conditions: the variables that each surrounding condition depends on, the innermost last.
    """

    def __init__(
        self,
        modules: Modules,
        variables: Variables,
        *,
        expressions: Handlers,
        statements: Handlers,
    ) -> None:
        self.modules = modules
        self.tree = modules.tree
        self.home = modules.folders[0]
        self.variables = variables
        self.budget = Budget()
        self.found = Findings()
        self.loaded: dict[str, Scope] = {}
        self.path = ""
        self.module = ""
        self.target = ""
        self.tries = 0
        self.depth = 0
        self.conditions: list[set[str]] = []
        self._expressions = expressions
        self._statements = statements

    @property
    def is_nested(self) -> bool:
        """Whether a failure is for the code around to handle: a `try`, or the caller of a function."""
        return bool(self.tries or self.depth)

    def block(self, statements: list[ast.stmt], scope: Scope) -> None:
        """Run statements; at the top level a failure is recorded, and the next statement runs."""
        for statement in statements:
            self.budget.spend()
            self.variables.basis = f"{self.path}:{statement.lineno}"
            run = self._statements.get(type(statement))
            if run is None:
                continue
            try:
                run(self, statement, scope)
            except Failure as failure:
                if self.is_nested:
                    raise
                self.variables.require(failure.names)

    def value(self, node: ast.expr | None, scope: Scope) -> Any:
        """Return the value of an expression, or UNKNOWN."""
        self.budget.spend()
        evaluate = self._expressions.get(type(node))
        if evaluate is None:
            return UNKNOWN
        if self.is_nested or not isinstance(node, _MAY_FAIL):
            return evaluate(self, node, scope)
        outer, self.variables.touched = self.variables.touched, set()
        try:
            return evaluate(self, node, scope)
        except Failure as failure:  # the rest of the statement may need more variables
            self.variables.require(failure.names)
            return UNKNOWN
        finally:
            self.variables.touched |= outer

    def values(self, nodes: list[ast.expr], scope: Scope) -> list[Any]:
        """Return the values of several expressions; a starred one that is not known becomes one UNKNOWN."""
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value, scope)
                found.extend(inner if isinstance(inner, list | tuple) else [UNKNOWN])
            else:
                found.append(self.value(node, scope))
        return found

    def with_touched(self, node: ast.expr, scope: Scope) -> tuple[Any, set[str]]:
        """Return the value of an expression and the variables that it depends on."""
        outer, self.variables.touched = self.variables.touched, set()
        try:
            value = self.value(node, scope)
        finally:
            touched, self.variables.touched = self.variables.touched, outer | self.variables.touched
        return value, touched

    def test(self, node: ast.expr, scope: Scope) -> tuple[Any, set[str]]:
        """Return the truth of a condition, or UNKNOWN, and the variables that it depends on."""
        value, touched = self.with_touched(node, scope)
        return (UNKNOWN if isinstance(value, Unknown | UrlDatabase) else bool(value)), touched

    def demand(self, got: Any, name: Any, kind: str) -> Any:
        """Return what a strict read of a variable gave; where it gave MISSING, the variable is required.

        Raises:
            Failure: it is missing, inside `try`, where the handlers decide what that means.
        """
        if got is not MISSING:
            return got
        if self.tries:
            raise Failure({name}, kind)
        self.variables.require({name})
        return UNKNOWN

    def needs_file(self, path: str | None) -> None:
        """Record a file that must exist before the settings can be imported."""
        if path and not self.tries:
            self.found.absent.setdefault(path, self.variables.basis)

    def blamed(self) -> set[str]:
        """Return the variables that the innermost condition on the environment was about."""
        touched = next((names for names in reversed(self.conditions) if names), set())
        if not touched and self.depth:
            return self.variables.causes()
        return touched & self.variables.without_default or touched

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Run what may fail without stopping the import."""
        self.tries += 1
        try:
            yield
        finally:
            self.tries -= 1

    @contextmanager
    def under(self, variables: set[str]) -> Iterator[None]:
        """Run what only runs because of the values of some variables."""
        self.conditions.append(variables)
        try:
            yield
        finally:
            self.conditions.pop()

    @contextmanager
    def inside(self, path: str, module: str) -> Iterator[None]:
        """Run code of another file."""
        outer = (self.path, self.module)
        self.path, self.module = path, module
        try:
            yield
        finally:
            self.path, self.module = outer
