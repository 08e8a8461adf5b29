"""Classes that read the environment: pydantic-settings and django-configurations; see `interpreter`."""

import ast
from typing import Any

from dz.tasklib.detection.environment import MISSING
from dz.tasklib.detection.expressions import Fields
from dz.tasklib.detection.imports import Imports
from dz.tasklib.detection.tree import joined, source
from dz.tasklib.detection.values import UNKNOWN, Native, UrlDatabase

_URLS = {"DatabaseURLValue": "DATABASE_URL", "CacheURLValue": "CACHE_URL", "EmailURLValue": "EMAIL_URL"}
_ALIASES = ("validation_alias", "alias", "env")


class Classes(Imports):
    """Follows class statements."""

    configurations: dict[str, dict[str, Any]]

    def _run_classdef(self, node: ast.ClassDef, scope: dict[str, Any]) -> None:
        bases = [scope.get(source(base)) for base in node.bases]
        names = [source(base).rpartition(".")[2] for base in node.bases]
        parents = [base for base in bases if isinstance(base, Fields)]
        if parents or "BaseSettings" in names:
            scope[node.name] = self.fields(node, scope, parents)
            return
        classes = [base for base in bases if isinstance(base, dict)]
        if classes or "Configuration" in names or any(name in scope for name in names):
            inner = {**scope, **{key: value for base in classes for key, value in base.items()}}
            self.block([s for s in node.body if not isinstance(s, ast.FunctionDef)], inner)
            inner["__name__"] = node.name
            scope[node.name] = self.configurations[node.name] = inner
        else:
            scope[node.name] = UNKNOWN

    def fields(self, node: ast.ClassDef, scope: dict[str, Any], parents: list[Fields]) -> Fields:
        """Return the fields of a class of pydantic-settings."""
        found = Fields(scope, self.path)
        for parent in parents:
            found.names.update(parent.names)
            found.options.update(parent.options)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found.names[statement.target.id] = statement
            elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                words = statement.value.keywords if source(statement.targets[0]) == "model_config" else []
                found.options.update({word.arg: self.value(word.value, scope) for word in words if word.arg})
            elif isinstance(statement, ast.ClassDef) and statement.name == "Config":
                options = [s for s in statement.body if isinstance(s, ast.Assign)]
                found.options.update({source(s.targets[0]): self.value(s.value, scope) for s in options})
        return found

    def call_fields(self, fields: Fields, given: dict[str, Any]) -> Any:
        """Read the environment as an instance of a class of pydantic-settings does."""
        options = {**fields.options, **{key[1:]: value for key, value in given.items() if key.startswith("_")}}
        named = options.get("env_file")
        for path in named if isinstance(named, list | tuple) else [named]:
            if isinstance(path, str):
                self.read_dotenv([joined(self.home, path.removeprefix("./"))])
        prefix = options.get("env_prefix")
        outer = self.variables.basis
        instance: dict[str, Any] = {"__name__": "settings"}
        for name, statement in fields.names.items():
            self.variables.basis = f"{fields.path}:{statement.lineno}"
            alias, default = self.field(statement, fields.scope)
            variable = alias or f"{prefix if isinstance(prefix, str) else ''}{name}".upper()
            if isinstance(default, dict) and "__name__" in default:
                instance[name] = default
                continue
            got = given[name] if name in given else self.variables.ask(variable, default, strict=True)
            instance[name] = self.missing(got, variable, "ValidationError")
        self.variables.basis = outer
        return instance

    def field(self, statement: ast.AnnAssign, scope: dict[str, Any]) -> tuple[str | None, Any]:
        """Return the name that a field is read by, if it has one of its own, and its default or MISSING."""
        value = statement.value
        if value is None:
            nested = isinstance(scope.get(source(statement.annotation)), Fields)
            return None, UNKNOWN if nested or "ClassVar" in source(statement.annotation) else MISSING
        if not isinstance(value, ast.Call) or source(value.func).rpartition(".")[2] != "Field":
            return None, self.value(value, scope)
        words = {word.arg: word.value for word in value.keywords if word.arg}
        alias = next((self.value(words[key], scope) for key in _ALIASES if key in words), None)
        if "default_factory" in words:
            made = ast.copy_location(ast.Call(words["default_factory"], [], []), value)
            default = self.value(ast.fix_missing_locations(made), scope)
        else:
            first = words.get("default", value.args[0] if value.args else None)
            default = MISSING if first is None else self.value(first, scope)
        return (alias if isinstance(alias, str) else None), MISSING if default is ... else default

    def call_value(self, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Read the environment as a value of django-configurations does, by the name that it is assigned to."""
        kind = native.name.partition(".")[2]
        prefix = kwargs.get("environ_prefix", None if kind in _URLS else "DJANGO")
        name = kwargs.get("environ_name") or _URLS.get(kind) or self.target
        variable = f"{prefix}_{name}" if isinstance(prefix, str) and prefix else str(name)
        default = kwargs.get("default", args[0] if args else None)
        if kind == "SecretValue" or kwargs.get("environ_required") is True:
            return self.missing(self.variables.ask(variable, strict=True), variable, "ValueError")
        got = self.variables.ask(variable, default)
        return UrlDatabase(got) if kind == "DatabaseURLValue" else got
