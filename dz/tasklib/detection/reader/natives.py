"""What of other packages is imitated: the names that settings import, and what each stands for here."""

from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.reader.allowlist import PATHS
from dz.tasklib.detection.reader.values import UNKNOWN, EnvironPath, Native

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
"""Full name of an import to the name of its imitation; packages that do the same share one."""
_FIXED: dict[str, Any] = {"sys.argv": ["manage.py"], "sys.platform": "linux", "os.name": "posix"}


def imported(full: str) -> Any:
    """Return what a name that is imported from outside the project stands for, or UNKNOWN."""
    if full in ("pathlib.Path", "pathlib.PurePath", "unipath.Path"):
        return PurePosixPath
    if full == "environ.Path":
        return EnvironPath
    if full.startswith("os.path.") and full[8:] in PATHS:
        return PATHS[full[8:]]
    if full.startswith("configurations.values."):
        return Native(f"values.{full.rpartition('.')[2]}")
    return Native(NATIVES[full]) if full in NATIVES else UNKNOWN


def attribute(holder: Native, name: str) -> Any:
    """Return an attribute of an imitated module or object, or UNKNOWN."""
    full = f"{holder.name}.{name}"
    if full in _FIXED:
        return _FIXED[full]
    if holder.name == "os.path":
        return PATHS.get(name, Native(full))
    if full in NATIVES or full in ("pathlib.Path", "environ.Path"):
        return imported(full)
    if holder.name == "env" or full == "config.get":
        return Native(full if holder.name == "env" else "config", holder.prefix, holder.schemes)
    return Native(full) if holder.name in ("os.environ", "env", "values") else UNKNOWN
