"""Which database the production settings expect."""

import re
from typing import Any

from dz.tasklib.detection.interpreter import Interpreter
from dz.tasklib.detection.values import UrlDatabase

_ENGINES = {"postgis": "postgres", "postgres": "postgres", "psycopg": "postgres", "timescale": "postgres", "mysql": "mysql",
            "sqlite": "sqlite", "spatialite": "sqlite", "oracle": "oracle", "mssql": "mssql"}  # fmt: skip


_ENGINE = re.compile(r"ENGINE['\"]\]?\s*[:=]\s*([^,\n}]+)")


def database(reader: Interpreter, settings: dict[str, Any], path: str) -> str | None:
    """Return postgres, mysql, sqlite, ... or any when a URL or the environment decides.

    Args:
        path: the settings module, which is read as text where it is no valid Python.
    """
    databases = settings.get("DATABASES")
    if databases is None:
        named = _ENGINE.search(reader.tree.text(path) or "") if reader.tree.broken(path) else None
        return _kind(named[1]) if named else "any"
    default = databases.get("default") if isinstance(databases, dict) else databases
    if reader.engine:
        return _kind(reader.engine)
    if reader.switched or isinstance(default, UrlDatabase):
        return "any"
    engine = default.get("ENGINE") if isinstance(default, dict) else None
    if not isinstance(engine, str) or _engine_from_environment(reader, settings):
        return "any"
    return _kind(engine)


def _kind(engine: str) -> str:
    return next((name for word, name in _ENGINES.items() if word in engine), "any")


def _engine_from_environment(reader: Interpreter, settings: dict[str, Any]) -> bool:
    path = (reader.bases.get("DATABASES") or "").rsplit(":", 1)[0]
    text = reader.tree.text(path) or ""
    engines = _ENGINE.findall(text)
    return bool(engines) and all("env" in engine.lower() or "config(" in engine for engine in engines)
