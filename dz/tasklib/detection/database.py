"""Which database the production settings expect, and whether GeoDjango uses it."""

import re
from typing import Any

from dz.tasklib.detection.reader import Reading
from dz.tasklib.detection.reader.values import UrlDatabase
from dz.tasklib.detection.tree import Tree

_ENGINES = {"postgis": "postgres", "postgres": "postgres", "psycopg": "postgres", "timescale": "postgres", "mysql": "mysql",
            "sqlite": "sqlite", "spatialite": "sqlite", "oracle": "oracle", "mssql": "mssql"}  # fmt: skip
_ENGINE = re.compile(r"ENGINE['\"]\]?\s*[:=]\s*([^,\n}]+)")


def database(tree: Tree, reading: Reading, path: str) -> str | None:
    """Return postgres, mysql, sqlite, oracle or mssql; `any` if a URL or a variable decides.

    Args:
        path: the settings module; if it is not valid Python, it is searched as text.
    """
    databases = reading.values.get("DATABASES")
    if databases is None:
        named = _ENGINE.search(tree.text(path) or "") if tree.broken(path) else None
        return _kind(named[1]) if named else "any"
    default = databases.get("default") if isinstance(databases, dict) else databases
    if reading.found.engine:
        return _kind(reading.found.engine)
    if reading.found.switched or isinstance(default, UrlDatabase):
        return "any"
    engine = default.get("ENGINE") if isinstance(default, dict) else None
    if not isinstance(engine, str) or _engine_from_environment(tree, reading):
        return "any"
    return _kind(engine)


def gis(settings: dict[str, Any]) -> bool:
    """Say whether GeoDjango is used."""
    return "django.contrib.gis" in repr(settings.get("INSTALLED_APPS")) or "contrib.gis.db" in repr(
        settings.get("DATABASES")
    )


def _kind(engine: str) -> str:
    return next((name for word, name in _ENGINES.items() if word in engine), "any")


def _engine_from_environment(tree: Tree, reading: Reading) -> bool:
    path = reading.found.bases.get("DATABASES", "").rsplit(":", 1)[0]
    text = tree.text(path) or ""
    engines = _ENGINE.findall(text)
    return bool(engines) and all("env" in engine.lower() or "config(" in engine for engine in engines)
