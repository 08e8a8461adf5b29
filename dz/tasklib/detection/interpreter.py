"""Reads settings as Python would run them with an empty environment, without running anything.

Only literals, paths, plain string and list operations and reads of the environment are followed;
everything else is UNKNOWN. Steps, depth and sizes are bounded.
"""

import ast
from typing import Any

from dz.tasklib.detection.environment import NATIVES, Variables
from dz.tasklib.detection.expressions import Expressions, Failure, Function
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.values import UNKNOWN, Native, Unknown

_NAMES_OF_DEBUG = {"DEBUG", "TESTING", "TEST", "IS_TESTING", "IS_TEST"}


class Returned(Exception):
    """A `return` of an interpreted function."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Interpreter(Expressions):
    """Interprets modules of one project.

    Args:
        modules: finds the project's modules by name.
        variables: collects what is read from the environment.
    """

    def __init__(self, modules: Modules, variables: Variables) -> None:
        super().__init__(modules.tree, variables)
        self.modules = modules
        self.loaded: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.switched: set[str] = set()
        self.bases: dict[str, str] = {}

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the namespace of module `name`, or None if the project has no such module."""
        path = self.modules.path(name)
        if path is None:
            return None
        if path in self.loaded:
            return self.loaded[path]
        if "." in name:
            self.load(name.rpartition(".")[0])
        module = self.modules.tree.module(path)
        scope: dict[str, Any] = {"__file__": f"/{path}", "__name__": name}
        self.loaded[path] = scope
        if module is None or len(self.loaded) > 60:
            return scope
        self.order.append(path)
        outer = (self.path, self.name, self.tries)
        self.path, self.name, self.tries = path, name, 0
        self.block(module.body, scope)
        self.path, self.name, self.tries = outer
        return scope

    def block(self, statements: list[ast.stmt], scope: dict[str, Any]) -> None:
        """Run statements; outside of `try` a failure is recorded and the next statement runs."""
        for statement in statements:
            self.spend()
            self.variables.basis = f"{self.path}:{statement.lineno}"
            run = getattr(self, f"run_{type(statement).__name__}", None)
            if run is None:
                continue
            try:
                run(statement, scope)
            except Failure as failure:
                if self.tries or self.depth:
                    raise
                self.require(failure.names)

    def run_Expr(self, node: ast.Expr, scope: dict[str, Any]) -> None:
        self.value(node.value, scope)

    def run_Assign(self, node: ast.Assign, scope: dict[str, Any]) -> None:
        outer, self.variables.touched = self.variables.touched, set()
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

    def run_AnnAssign(self, node: ast.AnnAssign, scope: dict[str, Any]) -> None:
        if node.value is not None:
            self.run_Assign(ast.copy_location(ast.Assign([node.target], node.value), node), scope)

    def run_AugAssign(self, node: ast.AugAssign, scope: dict[str, Any]) -> None:
        target = ast.parse(ast.unparse(node.target), mode="eval").body
        combined = ast.copy_location(ast.BinOp(target, node.op, node.value), node)
        self.run_Assign(ast.fix_missing_locations(ast.copy_location(ast.Assign([node.target], combined), node)), scope)

    def bind(self, target: ast.expr, value: Any, scope: dict[str, Any], touched: set[str]) -> None:
        """Store a value in a name, an element or several names."""
        if isinstance(target, ast.Name):
            scope[target.id] = value
            self.taint[id(scope), target.id] = set(touched)
            if not self.depth:
                self.bases[target.id] = f"{self.path}:{target.lineno}"
                if not self.conditions and target.id == "DATABASES":
                    self.switched.clear()
                    self.switched |= touched and set()
        elif isinstance(target, ast.Subscript):
            holder, key = self.value(target.value, scope), self.value(target.slice, scope)
            if isinstance(holder, dict) and isinstance(key, str | int):
                holder[key] = value
        elif isinstance(target, ast.Tuple | ast.List):
            several = isinstance(value, list | tuple) and len(value) == len(target.elts)
            for number, part in enumerate(target.elts):
                self.bind(part, value[number] if several else UNKNOWN, scope, touched)

    def run_If(self, node: ast.If, scope: dict[str, Any]) -> None:
        test, touched = self.test(node.test, scope)
        if touched and "DATABASES" in ast.unparse(node) and not _only_debug(node.test):
            self.switched |= touched
        self.conditions.append(touched)
        try:
            if isinstance(test, Unknown):
                self.both(node, scope)
            else:
                self.block(node.body if test else node.orelse, scope)
        finally:
            self.conditions.pop()

    def both(self, node: ast.If, scope: dict[str, Any]) -> None:
        """Follow both branches of an unknown condition: reads count, failures do not."""
        if _only_debug(node.test):
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

    def run_Try(self, node: ast.Try, scope: dict[str, Any]) -> None:
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
            caught = ast.unparse(handler.type) if handler.type else "Exception"
            if any(name in caught for name in (failed.kind, "Exception")) or (
                failed.kind == "ImproperlyConfigured" and "ImproperlyConfigured" in caught
            ):
                self.conditions.append(failed.names)
                try:
                    self.block(handler.body, scope)
                finally:
                    self.conditions.pop()
                return
        raise failed

    def run_Raise(self, node: ast.Raise, scope: dict[str, Any]) -> None:
        raised = ast.unparse(node.exc) if node.exc else "Exception"
        raise Failure(self.blamed(), raised.partition("(")[0].rpartition(".")[2])

    def run_Assert(self, node: ast.Assert, scope: dict[str, Any]) -> None:
        test, touched = self.test(node.test, scope)
        if not isinstance(test, Unknown) and not test:
            raise Failure(touched, "AssertionError")

    def run_FunctionDef(self, node: ast.FunctionDef, scope: dict[str, Any]) -> None:
        scope[node.name] = Function(node, scope, self.path, self.name)

    def run_ClassDef(self, node: ast.ClassDef, scope: dict[str, Any]) -> None:
        inner = dict(scope) if node.bases else {}
        if any("Configuration" in ast.unparse(base) or ast.unparse(base) in scope for base in node.bases):
            self.block([s for s in node.body if not isinstance(s, ast.FunctionDef)], inner)
        scope[node.name] = UNKNOWN

    def run_With(self, node: ast.With, scope: dict[str, Any]) -> None:
        for item in node.items:
            value = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, scope, set())
        self.block(node.body, scope)

    def run_For(self, node: ast.For, scope: dict[str, Any]) -> None:
        items = self.value(node.iter, scope)
        for item in list(items)[:100] if isinstance(items, list | tuple | dict | set) else [UNKNOWN]:
            self.bind(node.target, item, scope, set())
            self.block(node.body, scope)

    def run_Return(self, node: ast.Return, scope: dict[str, Any]) -> None:
        raise Returned(self.value(node.value, scope) if node.value else None)

    def run_Import(self, node: ast.Import, scope: dict[str, Any]) -> None:
        for alias in node.names:
            top = alias.name if alias.asname else alias.name.split(".")[0]
            bound = alias.asname or top
            inside = self.load(alias.name)
            scope[bound] = Native(NATIVES[top]) if inside is None and top in NATIVES else (inside or UNKNOWN)
            if inside is not None and not alias.asname and "." in alias.name:
                scope[bound] = UNKNOWN

    def run_ImportFrom(self, node: ast.ImportFrom, scope: dict[str, Any]) -> None:
        name = self.modules.absolute(node, self.name, self.path)
        inside = self.load(name) if name else None
        if inside is None and self.tries and (node.level or self.modules.is_own(name)):
            raise Failure(set(), "ImportError")
        for alias in node.names:
            if alias.name == "*":
                self.star(inside, scope)
                continue
            bound = alias.asname or alias.name
            if inside is not None and alias.name in inside:
                scope[bound] = inside[alias.name]
                self.taint[id(scope), bound] = self.taint.get((id(inside), alias.name), set())
            else:
                full = f"{name}.{alias.name}"
                part = self.load(full) if self.modules.path(full) else None
                scope[bound] = part if part is not None else self.imported(full)

    def star(self, inside: dict[str, Any] | None, scope: dict[str, Any]) -> None:
        """Bring the public names of a module into `scope`."""
        for name, value in (inside or {}).items():
            if not name.startswith("_"):
                scope[name] = value
                self.taint[id(scope), name] = self.taint.get((id(inside), name), set())

    def call_function(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Interpret a call of a function of the project."""
        if self.depth > 15:
            return UNKNOWN
        outer = (self.path, self.name)
        self.path, self.name = function.path, function.module
        scope = {**function.scope, **self.arguments(function, args, kwargs)}
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


def _only_debug(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return bool(names) and names <= _NAMES_OF_DEBUG and not any(isinstance(node, ast.BoolOp) for node in ast.walk(test))
