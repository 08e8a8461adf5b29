"""dynaconf: it fills the settings module from its files, and every key also from a variable."""

import json
from typing import Any

from dz.tasklib.detection import documents
from dz.tasklib.detection.documents import table
from dz.tasklib.detection.paths import folder_of, joined
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN, Native
from dz.tasklib.detection.tree import Tree

_ENDINGS = ("toml", "yaml", "yml", "json")


def fill(evaluator: Evaluator, native: Native, args: list[Any], options: dict[str, Any]) -> Any:
    """Fill the module that is being read as `DjangoDynaconf` does."""
    variables, origins = evaluator.variables, evaluator.found.origins
    scope = evaluator.loaded.get(evaluator.path, {})
    named = options.get("envvar_prefix") or options.get("ENVVAR_PREFIX_FOR_DYNACONF")
    prefix = f"{named if isinstance(named, str) else 'DJANGO'}_"
    variables.ask("ENV_FOR_DYNACONF", "development")
    for key, value in settings(evaluator.tree, [evaluator.home, folder_of(evaluator.path)]).items():
        scope[key] = value
        variables.ask(prefix + key, value)
        origins.note(scope, key, {prefix + key})
    if "SECRET_KEY" not in scope:
        variables.ask(f"{prefix}SECRET_KEY", None)
        origins.note(scope, "SECRET_KEY", {f"{prefix}SECRET_KEY"})
    listed = options.get("validators")
    for check in listed if isinstance(listed, list | tuple) else []:
        for name, wanted in check.schemes.items() if isinstance(check, Native) else ():
            if (wanted.get("must_exist") or wanted.get("required")) and name not in scope:
                evaluator.demand(variables.ask(prefix + name, strict=True), prefix + name, "ValidationError")
    return UNKNOWN


def validator(evaluator: Evaluator, native: Native, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return a check of dynaconf: what it wants of each name."""
    return Native("validator", schemes={str(one): kwargs for one in args})


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
        return documents.toml(tree, path)
    try:
        if path.endswith(".json"):
            data = json.loads(tree.text(path) or "{}")
        else:
            data = next(iter(documents.load(tree, path)), {})
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
