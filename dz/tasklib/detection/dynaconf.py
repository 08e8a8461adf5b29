"""Settings that dynaconf fills: its files, and a variable for every key."""

import json
from typing import Any

from dz.tasklib.detection import documents
from dz.tasklib.detection.dependencies import table, toml
from dz.tasklib.detection.tree import Tree, joined

_ENDINGS = ("toml", "yaml", "yml", "json")


def settings(tree: Tree, folders: list[str]) -> dict[str, Any]:
    """Return what dynaconf's files say for production.

    Args:
        folders: where they may lie.
    """
    found: dict[str, Any] = {}
    for stem in ("settings", ".secrets"):
        for path in (joined(folder, f"{stem}.{ending}") for folder in dict.fromkeys(folders) for ending in _ENDINGS):
            data = _read(tree, path)
            layers = [table(data, name) for name in ("default", "global", "production")]
            for layer in layers if any(layers) else [data]:
                found |= {str(key).upper(): value for key, value in layer.items()}
    return found


def _read(tree: Tree, path: str) -> dict[str, Any]:
    if path.endswith(".toml"):
        return toml(tree, path)
    try:
        data = (
            json.loads(tree.text(path) or "{}")
            if path.endswith(".json")
            else next(iter(documents.load(tree, path)), {})
        )
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
