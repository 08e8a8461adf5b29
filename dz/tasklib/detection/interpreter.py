"""Reads settings as Python would run them with an empty environment, without running anything.

Only literals, paths, plain string and list operations and reads of the environment are followed;
everything else is UNKNOWN. Steps, depth and sizes are bounded.
"""

import ast
import re
from typing import Any

from dz.tasklib.detection.classes import Classes
from dz.tasklib.detection.comparisons import demanded_engine
from dz.tasklib.detection.environment import Variables, is_switch
from dz.tasklib.detection.expressions import Failure, Function
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.tree import source
from dz.tasklib.detection.values import UNKNOWN, Native, Unknown, light

_NAMES_OF_DEBUG = {"DEBUG", "TESTING", "TEST", "IS_TESTING", "IS_TEST"}


_DEFAULT = re.compile(r"\bDATABASES(?:\['default'\](?:\['\w+'\])?)?(?: = |: |\.update\()")


class Returned(Exception):
    """A `return` of an interpreted function."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Interpreter(Classes):
    """Interprets modules of one project.

    Args:
        modules: finds the project's modules by name.
        variables: collects what is read from the environment.
    """

    def __init__(self, modules: Modules, variables: Variables) -> None:
        super().__init__(modules, variables)
        self.switched: set[str] = set()
        self.bases: dict[str, str] = {}
        self.chosen: dict[str, set[str]] = {}
        self.engine = ""
        self.configurations: dict[str, dict[str, Any]] = {}

    def block(self, statements: list[ast.stmt], scope: dict[str, Any]) -> None:
        """Run statements; outside of `try` a failure is recorded and the next statement runs."""
        for statement in statements:
            self.spend()
            self.variables.basis = f"{self.path}:{statement.lineno}"
            run = getattr(self, f"_run_{type(statement).__name__.lower()}", None)
            if run is None:
                continue
            try:
                run(statement, scope)
            except Failure as failure:
                if self.tries or self.depth:
                    raise
                self.require(failure.names)

    def _run_expr(self, node: ast.Expr, scope: dict[str, Any]) -> None:
        self.value(node.value, scope)

    def _run_assign(self, node: ast.Assign, scope: dict[str, Any]) -> None:
        outer, self.variables.touched = self.variables.touched, set()
        self.target = node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
        try:
            value = self.value(node.value, scope)
        except Failure as failure:
            if self.tries or self.depth:
                raise
            self.require(failure.names)
            value = UNKNOWN
        touched, self.variables.touched = self.variables.touched, outer | self.variables.touched
        for target in node.targets:
            self.bind(target, value, scope, touched)

    def _run_annassign(self, node: ast.AnnAssign, scope: dict[str, Any]) -> None:
        if node.value is not None:
            self._run_assign(ast.copy_location(ast.Assign([node.target], node.value), node), scope)

    def _run_augassign(self, node: ast.AugAssign, scope: dict[str, Any]) -> None:
        target = ast.parse(source(node.target), mode="eval").body
        combined = ast.copy_location(ast.BinOp(target, node.op, node.value), node)
        self._run_assign(ast.fix_missing_locations(ast.copy_location(ast.Assign([node.target], combined), node)), scope)

    def bind(self, target: ast.expr, value: Any, scope: dict[str, Any], touched: set[str]) -> None:
        """Store a value in a name, an element or several names."""
        if isinstance(target, ast.Name):
            scope[target.id] = value
            self.taint[id(scope), target.id] = set(touched)
            if not self.depth:
                self.bases[target.id] = f"{self.path}:{target.lineno}"
                self.chosen[target.id] = set().union(*self.conditions)
                if not self.conditions and target.id == "DATABASES":
                    self.switched.clear()
        elif isinstance(target, ast.Subscript):
            holder, key = self.value(target.value, scope), self.value(target.slice, scope)
            if isinstance(holder, dict) and isinstance(key, str | int) and light(value):
                holder[key] = value
                self.taint[id(holder), str(key)] = set(touched)
            elif isinstance(holder, Native) and holder.name == "os.environ" and isinstance(key, str):
                self.variables.given[key] = value
        elif isinstance(target, ast.Tuple | ast.List):
            several = isinstance(value, list | tuple) and len(value) == len(target.elts)
            for number, part in enumerate(target.elts):
                self.bind(part, value[number] if several else UNKNOWN, scope, touched)

    def _run_if(self, node: ast.If, scope: dict[str, Any]) -> None:
        test, touched = self.test(node.test, scope)
        if not only_debug(node.test) and _DEFAULT.search(source(node)):
            self.switched |= {name for name in touched if not is_switch(name)}
        if any(isinstance(statement, ast.Raise) for statement in node.body):
            self.engine = self.engine or demanded_engine(node.test)
            touched |= self.alternatives(node.test, scope) if test is True else set()
            touched = touched or self.choosing(node.test)
        self.conditions.append(touched)
        try:
            if isinstance(test, Unknown):
                self.both(node, scope)
            else:
                self.block(node.body if test else node.orelse, scope)
        finally:
            self.conditions.pop()

    def alternatives(self, test: ast.expr, scope: dict[str, Any]) -> set[str]:
        """Return the variables of all parts of `A or B` that are true: each of them alone would fail."""
        parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else []
        tested = [self.test(part, scope) for part in parts]
        return {name for value, touched in tested if value is True for name in touched}

    def choosing(self, test: ast.expr) -> set[str]:
        """Return the variables that chose between values of what a condition is about."""
        names = [node.id for node in ast.walk(test) if isinstance(node, ast.Name)]
        return {variable for name in names for variable in self.chosen.get(name, set())}

    def both(self, node: ast.If, scope: dict[str, Any]) -> None:
        """Follow both branches of an unknown condition: reads count, failures do not."""
        if only_debug(node.test):
            negated = isinstance(node.test, ast.UnaryOp)
            self.block(node.body if negated else node.orelse, scope)
            return
        for branch in (node.orelse, node.body):
            self.tries += 1
            try:
                self.block(branch, scope)
            except Failure:
                pass
            finally:
                self.tries -= 1

    def _run_try(self, node: ast.Try, scope: dict[str, Any]) -> None:
        self.tries += 1
        try:
            self.block(node.body, scope)
            failed = None
        except Failure as failure:
            failed = failure
        finally:
            self.tries -= 1
        if failed is None:
            self.block(node.orelse, scope)
        else:
            self.handle(node, failed, scope)
        self.block(node.finalbody, scope)

    def handle(self, node: ast.Try, failed: Failure, scope: dict[str, Any]) -> None:
        """Run the handler that catches `failed`; a handler that raises needs the same variables."""
        for handler in node.handlers:
            caught = source(handler.type) if handler.type else "Exception"
            if any(name in caught for name in (*failed.kind.split(), "Exception")):
                self.conditions.append(failed.names)
                try:
                    self.block(handler.body, scope)
                finally:
                    self.conditions.pop()
                return
        raise failed

    def _run_raise(self, node: ast.Raise, scope: dict[str, Any]) -> None:
        raised = source(node.exc) if node.exc else "Exception"
        raise Failure(self.blamed(), raised.partition("(")[0].rpartition(".")[2])

    def _run_assert(self, node: ast.Assert, scope: dict[str, Any]) -> None:
        test, touched = self.test(node.test, scope)
        if not isinstance(test, Unknown) and not test:
            raise Failure(touched, "AssertionError")

    def _run_functiondef(self, node: ast.FunctionDef, scope: dict[str, Any]) -> None:
        scope[node.name] = Function(node, scope, self.path, self.name)

    def _run_with(self, node: ast.With, scope: dict[str, Any]) -> None:
        prefixed: list[tuple[Native, str]] = []
        for item in node.items:
            value = self.value(item.context_expr, scope)
            call = item.context_expr
            if isinstance(value, Native) and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                holder = self.value(call.func.value, scope)
                if isinstance(holder, Native):  # environs changes the object itself until the block ends
                    prefixed.append((holder, holder.prefix))
                    holder.prefix = value.prefix
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, scope, set())
        try:
            self.block(node.body, scope)
        finally:
            for holder, before in prefixed:
                holder.prefix = before

    def _run_for(self, node: ast.For, scope: dict[str, Any]) -> None:
        items = self.value(node.iter, scope)
        for item in list(items)[:100] if isinstance(items, list | tuple | dict | set) else [UNKNOWN]:
            self.bind(node.target, item, scope, set())
            self.block(node.body, scope)

    def _run_return(self, node: ast.Return, scope: dict[str, Any]) -> None:
        raise Returned(self.value(node.value, scope) if node.value else None)

    def call_function(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Interpret a call of a function of the project."""
        if self.depth > 15:
            return UNKNOWN
        outer = (self.path, self.name)
        self.path, self.name = function.path, function.module
        scope = {**function.scope, **function.arguments(args, kwargs)}
        for key in function.scope:
            self.taint[id(scope), key] = self.taint.get((id(function.scope), key), set())
        self.depth += 1
        try:
            self.block(function.node.body, scope)
        except Returned as returned:
            return returned.value
        finally:
            self.depth -= 1
            self.path, self.name = outer
        return None


def only_debug(test: ast.expr) -> bool:
    """Say whether a condition is about nothing but whether this is development."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return bool(names) and names <= _NAMES_OF_DEBUG and not any(isinstance(node, ast.BoolOp) for node in ast.walk(test))
