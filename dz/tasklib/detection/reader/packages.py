"""Calls of `os` and of the packages that read settings: django-environ, environs, decouple, dj-database-url and others."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.reader import configurations, dotenv, dynaconf, imports
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import MISSING, UNKNOWN, Native, UrlDatabase
from dz.tasklib.detection.reader.variables import Variables

Imitation = Callable[[Evaluator, Native, list[Any], dict[str, Any]], Any]

_URLS = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "dj_db_url": "DATABASE_URL", "cache": "CACHE_URL",
         "cache_url": "CACHE_URL", "email": "EMAIL_URL", "email_url": "EMAIL_URL", "search_url": "SEARCH_URL",
         "dj_cache_url": "CACHE_URL", "dj_email_url": "EMAIL_URL", "channels": "CHANNELS_URL"}  # fmt: skip
"""Methods of `env` that read a URL, and the variable that each reads when none is named."""
_DATABASES = {"db", "db_url", "dj_db_url"}
_TYPES = {"str", "unicode", "bool", "int", "float", "json", "list", "tuple", "dict", "url", "path", "bytes", "decimal", "date", "datetime", "timedelta", "uuid", "log_level", "enum", "get_value", "smart_cast"}  # fmt: skip
"""Methods of `env` that read a variable as a value of one type."""
_TRUE = ("true", "1", "yes", "on", "y", "t")
_FAILURES = "ImproperlyConfigured UndefinedValueError EnvError ConfigurationError"
"""What the packages raise for a variable that is not set: each of them one of these."""
_DSN = re.compile(r"\w+://[^/@]+@[^/]+(/.*)?/\d+/?$")


def call(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Imitate a call; what is not imitated is UNKNOWN.

    Raises:
        Failure: the call would raise because a variable is not set.
    """
    family = next((imitate for start, imitate in FAMILIES.items() if native.name.startswith(start)), None)
    imitate = CALLS.get(native.name, family)
    return imitate(evaluator, native, args, kwargs) if imitate else UNKNOWN


def _setdefault(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if len(args) < 2 or not isinstance(args[0], str):
        return UNKNOWN
    return evaluator.variables.given.setdefault(args[0], evaluator.variables.ask(args[0], args[1]))


def _getenv(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if not args:
        return UNKNOWN
    named = {"default": kwargs["default"]} if "default" in kwargs else {}
    return evaluator.variables.ask(*args[:2], **named)


def _exists(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Imitate `os.path.exists` and its like: the tree is there, nothing else is."""
    return evaluator.tree.exists(str(args[0])) if args and isinstance(args[0], str | PurePosixPath) else UNKNOWN


def _import_module(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return imports.import_named(evaluator, args)


def _read_dotenv(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    dotenv.read(evaluator, args)
    return UNKNOWN


def _itself(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return native


def _make_env(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return Native("env", schemes=kwargs)


def _make_config(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return Native("config")


def _prefixed(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return Native("env", prefix=native.prefix + str(args[0]) if args else "", schemes=native.schemes)


def _init_sentry(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Fail as sentry_sdk does on an address without a key or a project: a part of it was not set."""
    dsn = kwargs.get("dsn", (args or [None])[0])
    causes = evaluator.variables.causes()
    if isinstance(dsn, str) and dsn and not _DSN.match(dsn.strip()) and causes:
        raise Failure(causes, "BadDsn")
    return UNKNOWN


def _parse_url(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return UrlDatabase(args[0] if args else UNKNOWN)


def _url(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Imitate `dj_database_url.config`, which takes no database where the variable is not set."""
    default = kwargs.get("default", args[1] if len(args) > 1 else None)
    evaluator.variables.ask(kwargs.get("env", args[0] if args else "DATABASE_URL"), default)
    return UrlDatabase(default)


def _config(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Imitate `config` of decouple, which reads files before the environment."""
    dotenv.read(evaluator, [])
    dotenv.read_ini(evaluator)
    return _env(evaluator, native, args, kwargs)


def _env(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Imitate `env(...)`, `env.int(...)` and their like."""
    method = native.name.partition(".")[2]
    got = _read_variable(evaluator.variables, native, method, args, kwargs)
    return evaluator.demand(got, native.prefix + str(args[0] if args else "DATABASE_URL"), _FAILURES)


def _read_variable(variables: Variables, native: Native, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a read gives; MISSING where it fails."""
    if method not in _TYPES and method not in _URLS and method:
        return UNKNOWN
    name = args[0] if args else kwargs.get("var", kwargs.get("name", _URLS.get(method)))
    if not isinstance(name, str):
        return UNKNOWN
    position = 1 if native.name == "config" or method else 2
    default = kwargs.get("default", args[position] if len(args) > position else MISSING)
    scheme = native.schemes.get(name)
    if default is MISSING and isinstance(scheme, tuple | list) and len(scheme) == 2:
        default = scheme[1]
    got = variables.ask(native.prefix + name, default, strict=True)
    if method in _DATABASES:
        return got if got is MISSING else UrlDatabase(got)
    if method in _URLS and got is not MISSING:
        return UNKNOWN
    cast = kwargs.get("cast", args[1] if not method and len(args) > 1 else None)
    kind = method if method in ("int", "json") else getattr(cast, "__name__", "")
    if kind in ("int", "json"):
        variables.casts.setdefault(native.prefix + name, kind)
    return _cast(got, method, cast)


def _cast(got: Any, method: str, cast: Any) -> Any:
    """Turn the text of a default into the type that is asked for, where that is a flag or a list."""
    if isinstance(cast, Native) and cast.name == "Csv":
        return _separated(got)
    if isinstance(got, str) and (method == "bool" or cast is bool):
        return got.strip().lower() in _TRUE
    if isinstance(got, str) and (method in ("list", "tuple") or cast is list):
        return [part for part in got.split(",") if part]
    return got


def _separated(got: Any) -> Any:
    """Cast as decouple's Csv does, to which a default is given too, and which takes texts only."""
    if isinstance(got, str):
        return [part.strip() for part in got.split(",") if part]
    return MISSING if isinstance(got, list | tuple | int) or got is None else got


CALLS: dict[str, Imitation] = {
    "importlib.import_module": _import_module,
    "os.environ.setdefault": _setdefault,
    "os.environ.get": _getenv,
    "os.environ.pop": _getenv,
    "os.getenv": _getenv,
    "Env": _make_env,
    "env": _env,
    "env.prefixed": _prefixed,
    "env.read_env": _read_dotenv,
    "env.read_envfile": _read_dotenv,
    "dotenv": _read_dotenv,
    "RepositoryEnv": _read_dotenv,
    "AutoConfig": _make_config,
    "config": _config,
    "Csv": _itself,
    "url": _url,
    "url.parse": _parse_url,
    "dynaconf": dynaconf.fill,
    "Validator": dynaconf.validator,
    "sentry_sdk.init": _init_sentry,
}
"""The imitations by the name of what is called."""
FAMILIES: dict[str, Imitation] = {
    "env.": _env,
    "os.path.": _exists,
    "values.": configurations.value,
}
"""The imitations of all other functions of one kind, by what their names begin with."""
