"""Variables that settings read: os.environ, django-environ, environs, decouple, dj-database-url, dotenv."""

import re
from typing import Any

from dz.tasklib.detection.values import UNKNOWN, Native, Stage, UrlDatabase

MISSING = object()
_URLS = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "dj_db_url": "DATABASE_URL", "cache": "CACHE_URL",
         "cache_url": "CACHE_URL", "email": "EMAIL_URL", "email_url": "EMAIL_URL", "search_url": "SEARCH_URL",
         "dj_cache_url": "CACHE_URL", "dj_email_url": "EMAIL_URL", "channels": "CHANNELS_URL"}  # fmt: skip
_TYPES = {"str", "unicode", "bool", "int", "float", "json", "list", "tuple", "dict", "url", "path", "bytes", "decimal", "date", "datetime", "timedelta", "uuid", "log_level", "enum", "get_value", "smart_cast"}  # fmt: skip
_DATABASES = {"db", "db_url", "dj_db_url"}

NATIVES = {
    "importlib": "importlib", "importlib.import_module": "importlib.import_module", "os": "os", "os.environ": "os.environ", "os.getenv": "os.getenv", "os.path": "os.path", "sys": "sys",
    "environ.Env": "Env", "environ.FileAwareEnv": "Env", "environs.Env": "Env", "environs.EnvConfig": "Env",
    "environs.env": "env", "decouple.config": "config", "decouple.Csv": "Csv", "dynaconf.DjangoDynaconf": "dynaconf",
    "dynaconf": "dynaconf_module", "dynaconf.Validator": "Validator", "decouple.AutoConfig": "AutoConfig", "decouple.Config": "AutoConfig", "decouple.RepositoryEnv": "RepositoryEnv",
    "dj_database_url.config": "url", "dj_database_url.parse": "url.parse", "starlette.config.Config": "AutoConfig",
    "configurations.values": "values", "configurations": "configurations", "environ": "environ", "environs": "environs", "decouple": "decouple", "dj_database_url": "dj_database_url",
    "dotenv.load_dotenv": "dotenv", "dotenv.read_dotenv": "dotenv", "dotenv": "dotenv_module", "pathlib": "pathlib",
    "sentry_sdk": "sentry_sdk", "sentry_sdk.init": "sentry_sdk.init", "envparse.env": "env", "envparse.Env": "Env", "prettyconf.config": "config",
}  # fmt: skip


_SWITCH = re.compile(
    r"(^|_)(ENV|ENVIRONMENT|STAGE|DEPLOYMENT|MODE|TIER|PROFILE|DJANGO_CONFIGURATION)(_(NAME|ROLE|TYPE|MODE))?$|^ENV_FOR_DYNACONF$",
    re.IGNORECASE,
)
_DEVELOPMENT = {"dev", "develop", "development", "local"}


def stage(name: str, value: Any) -> Any:
    """Return the stage of production where a variable that names the environment would fall to development."""
    return (
        Stage("production") if isinstance(value, str) and value.lower() in _DEVELOPMENT and is_switch(name) else value
    )


def is_switch(name: str) -> bool:
    """Say whether a variable names the environment that the settings are for."""
    return bool(_SWITCH.search(name))


class Variables:
    """The environment of a deploy that has set nothing, and what was asked of it."""

    def __init__(self) -> None:
        self.required: dict[str, str] = {}
        self.read: dict[str, str] = {}
        self.without_default: set[str] = set()
        self.defaults: dict[str, Any] = {}
        self.casts: dict[str, str] = {}
        self.stages: dict[str, str] = {}
        self.dotenv: set[str] = set()
        self.given: dict[str, Any] = dict.fromkeys(("PATH", "HOME", "PWD"), UNKNOWN)
        self.touched: set[str] = set()
        self.basis = ""

    def ask(self, name: Any, default: Any = MISSING, *, strict: bool = False) -> Any:
        """Return what an unset variable gives: its default, None, or MISSING where the read fails."""
        if not isinstance(name, str) or not name.isidentifier():
            return UNKNOWN
        if name in self.given:
            return self.given[name]
        self.read.setdefault(name, self.basis)
        self.touched.add(name)
        if default is not MISSING:
            self.defaults.setdefault(name, default)
        if name in self.dotenv:
            return UNKNOWN
        if default is MISSING or default is None or default == "":
            self.without_default.add(name)
        if default is MISSING:
            return MISSING if strict else None
        return stage(name, default)

    def call(self, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Imitate a call of a settings package."""
        name = native.name
        if name == "os.environ.setdefault" and len(args) > 1 and isinstance(args[0], str):
            return self.given.setdefault(args[0], self.ask(args[0], args[1]))
        if name in ("os.getenv", "os.environ.get", "os.environ.pop"):
            return (
                self.ask(*args[:2], **({"default": kwargs["default"]} if "default" in kwargs else {}))
                if args
                else UNKNOWN
            )
        if name in ("Env", "AutoConfig"):
            return Native("env", schemes=kwargs) if name == "Env" else Native("config")
        if name in ("url", "url.parse"):
            return self._url(name, args, kwargs)
        if name in ("config", "env") or name.startswith("env."):
            return self._package(native, name.partition(".")[2], args, kwargs)
        return UNKNOWN

    def _url(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if name == "url.parse":
            return UrlDatabase(args[0] if args else UNKNOWN)
        default = kwargs.get("default", args[1] if len(args) > 1 else None)
        variable = kwargs.get("env", args[0] if args else "DATABASE_URL")
        self.ask(variable, default)
        return UrlDatabase(default)

    def _package(self, native: Native, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
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
        got = self.ask(native.prefix + name, default, strict=True)
        if method in _DATABASES:
            return got if got is MISSING else UrlDatabase(got)
        if method in _URLS and got is not MISSING:
            return UNKNOWN
        cast = kwargs.get("cast", args[1] if not method and len(args) > 1 else None)
        kind = method if method in ("int", "json") else getattr(cast, "__name__", "")
        if kind in ("int", "json"):
            self.casts.setdefault(native.prefix + name, kind)
        return self._cast(got, method, cast)

    def _cast(self, got: Any, method: str, cast: Any) -> Any:
        if isinstance(cast, Native) and cast.name == "Csv":
            # decouple gives a default to Csv too, which takes texts only.
            return [part.strip() for part in got.split(",") if part] if isinstance(got, str) else _of_csv(got)
        if method == "bool" or cast is bool:
            if isinstance(got, str):
                return got.strip().lower() in ("true", "1", "yes", "on", "y", "t")
        elif (method in ("list", "tuple") or cast is list) and isinstance(got, str):
            return [part for part in got.split(",") if part]
        return got


def _of_csv(got: Any) -> Any:
    return MISSING if isinstance(got, list | tuple | int) or got is None else got
