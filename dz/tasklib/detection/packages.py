"""Packages that read settings from the environment or from files; see `interpreter`."""

import configparser
import re
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection import dynaconf
from dz.tasklib.detection.calls import Calls
from dz.tasklib.detection.expressions import Failure
from dz.tasklib.detection.tree import folder_of, joined
from dz.tasklib.detection.values import UNKNOWN, Native


class Packages(Calls):
    """Imitates calls of settings packages."""

    loaded: dict[str, dict[str, Any]]

    def import_named(self, args: list[Any]) -> Any:
        """Follow an import by name; the subclass knows modules."""
        raise NotImplementedError

    def call_value(self, function: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Imitate a value of django-configurations; the subclass knows classes."""
        raise NotImplementedError

    def native_call(self, function: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Imitate a call of a settings package or of `os`."""
        name = function.name
        if name == "importlib.import_module":
            return self.import_named(args)
        if name.startswith("values."):
            return self.call_value(function, args, kwargs)
        if name == "dynaconf":
            return self.take_dynaconf(kwargs)
        if name == "Validator":
            return Native("validator", schemes={str(one): kwargs for one in args})
        if name.startswith("os.path.") and args and isinstance(args[0], str | PurePosixPath):
            path = str(args[0]).strip("/")
            return self.tree.has(path) or self.tree.has_folder(path)
        return self.read_call(function, args, kwargs)

    def refuse_dsn(self, dsn: Any) -> Any:
        """Fail as sentry_sdk does on an address without a key or a project: a part of it was not set."""
        if (
            isinstance(dsn, str)
            and dsn
            and not re.match(r"\w+://[^/@]+@[^/]+(/.*)?/\d+/?$", dsn.strip())
            and self.causes()
        ):
            raise Failure(self.causes(), "BadDsn")
        return UNKNOWN

    def read_call(self, function: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Imitate a call that reads the environment, or prepares to."""
        if function.name in ("dotenv", "env.read_env", "env.read_envfile", "RepositoryEnv"):
            self.read_dotenv(args)
            return UNKNOWN
        if function.name == "env.prefixed":
            return Native("env", prefix=function.prefix + str(args[0]) if args else "", schemes=function.schemes)
        if function.name == "sentry_sdk.init":
            return self.refuse_dsn(kwargs.get("dsn", (args or [None])[0]))
        if function.name == "Csv":
            return function
        if function.name == "config":
            self.read_dotenv([])
            self.read_ini()
        name = function.prefix + str(args[0] if args else "DATABASE_URL")
        got = self.variables.call(function, args, kwargs)
        return self.missing(got, name, "ImproperlyConfigured UndefinedValueError EnvError ConfigurationError")

    def read_dotenv(self, args: list[Any]) -> None:
        """Take the names that a committed .env sets."""
        named = [str(arg).strip("/") for arg in args if isinstance(arg, str | PurePosixPath)]
        for path in named or dict.fromkeys([joined(self.home, ".env"), joined(folder_of(self.path), ".env")]):
            for line in (self.tree.text(path) or "").splitlines():
                name = line.removeprefix("export ").partition("=")[0].strip()
                if name.isidentifier():
                    self.variables.dotenv.add(name)

    def read_ini(self) -> None:
        """Take the names that a committed settings.ini of python-decouple sets."""
        for folder in dict.fromkeys([folder_of(self.path), self.home]):
            parser = configparser.ConfigParser(interpolation=None, strict=False)
            parser.optionxform = str  # type: ignore[assignment,method-assign]
            try:
                parser.read_string(self.tree.text(joined(folder, "settings.ini")) or "")
            except configparser.Error:
                continue
            if parser.has_section("settings"):
                self.variables.dotenv.update(parser.options("settings"))

    def take_dynaconf(self, options: dict[str, Any]) -> Any:
        """Fill the module as dynaconf does: from its files, each key also from a variable."""
        scope = self.loaded.get(self.path, {})
        named = options.get("envvar_prefix") or options.get("ENVVAR_PREFIX_FOR_DYNACONF")
        prefix = f"{named if isinstance(named, str) else 'DJANGO'}_"
        self.variables.ask("ENV_FOR_DYNACONF", "development")
        for key, value in dynaconf.settings(self.tree, [self.home, folder_of(self.path)]).items():
            scope[key] = value
            self.variables.ask(prefix + key, value)
            self.taint[id(scope), key] = {prefix + key}
        if "SECRET_KEY" not in scope:
            self.variables.ask(f"{prefix}SECRET_KEY", None)
            self.taint[id(scope), "SECRET_KEY"] = {f"{prefix}SECRET_KEY"}
        listed = options.get("validators")
        for check in listed if isinstance(listed, list | tuple) else []:
            for name, wanted in check.schemes.items() if isinstance(check, Native) else ():
                if (wanted.get("must_exist") or wanted.get("required")) and name not in scope:
                    self.missing(self.variables.ask(prefix + name, strict=True), prefix + name, "ValidationError")
        return UNKNOWN
