"""Reads a settings module, and all that it imports from the project, as production would."""

from dataclasses import dataclass
from typing import Any

from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.reader import imports, unreached
from dz.tasklib.detection.reader.evaluator import Evaluator, Findings
from dz.tasklib.detection.reader.handlers import EXPRESSIONS, STATEMENTS
from dz.tasklib.detection.reader.values import Scope
from dz.tasklib.detection.reader.variables import Variables


@dataclass(frozen=True)
class Reading:
    """What a settings module says.

    Args:
        values: the settings by name, UNKNOWN where only running the project could tell.
        files: the files that were read, in the order in which they were met.
        variables: what was asked of the environment.
        found: where settings were set, and what else was noticed.
    """

    values: Scope
    files: tuple[str, ...]
    variables: Variables
    found: Findings


def read(modules: Modules, name: str) -> Reading:
    """Return what the settings module `name` says; never raises on what stands in it."""
    evaluator = Evaluator(modules, Variables(), expressions=EXPRESSIONS, statements=STATEMENTS)
    values = _namespace(evaluator, name)
    unreached.read(evaluator)
    files, bases, absent = tuple(evaluator.loaded), dict(evaluator.found.bases), dict(evaluator.found.absent)
    for package in _of_apps(values.get("INSTALLED_APPS")):
        _namespace(evaluator, package)
    evaluator.found.bases, evaluator.found.absent = bases, absent
    return Reading(values, files, evaluator.variables, evaluator.found)


def _of_apps(apps: Any) -> list[str]:
    """Return the modules that Django imports of every app before anything else: its package and its `apps`."""
    named = [str(app) for app in apps] if isinstance(apps, list | tuple) else []
    packages = [name.rpartition(".apps.")[0] or name for name in named if all(map(str.isidentifier, name.split(".")))]
    return [module for package in packages for module in (package, f"{package}.apps")]


def _namespace(evaluator: Evaluator, name: str) -> Scope:
    """Return the names of a module, or as many of them as could be read before the reader gave up."""
    try:
        return imports.load(evaluator, name) or {}
    except Exception:  # noqa: BLE001 - the text is a stranger's: a reader that gives up must not end the inspection
        return evaluator.loaded.get(evaluator.modules.path(name) or "", {})
