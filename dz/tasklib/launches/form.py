"""The verification form: what it shows of a plan, and what is wrong with a person's answer; no database, no Prefect."""

import contextlib
import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dz import names
from dz.adapters.python_downloads import Pythons
from dz.errors import DzError, InvalidName, NoMatchingPython, PythonMissing
from dz.tasklib.configuration import keys
from dz.tasklib.configuration.keys import Value
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.variables.missing import MissingVariable
from dz.tasklib.virtualenvs.interpreters import choose_interpreter

KEYS = (
    "project_root",
    "django_settings_module",
    "wsgi",
    "asgi",
    "use_asgi",
    "python_version",
    "package_manager",
    "requirements_files",
    "database_type",
    "collectstatic",
    "copy_data",
    "hooks",
    "health_path",
    "instances",
    "processes",
    "threads",
    "timeout",
    "request_body_mb",
)
"""The keys of `zoombuild.cfg` that the form asks for; all others stay as they are."""
VARIABLE = "variable_"
"""Prefix of the form's fields for environment variables."""
GUESS_OF = {"django_settings_module": "settings_module", "requirements_files": "dependency_files"}
"""Keys whose guess has another name."""
DJANGO_COMMANDS = (
    "check",
    "clearsessions",
    "collectstatic",
    "compilemessages",
    "createcachetable",
    "createsuperuser",
    "flush",
    "loaddata",
    "migrate",
    "remove_stale_contenttypes",
    "syncdb",
)
_TYPO = 0.8


def values_of(plan: Plan, pythons: Pythons) -> dict[str, Any]:
    """Return what the form shows of a plan; the Python is the one a build would use, not what the project prefers.

    Raises:
        PythonMissing: the project needs one that the operator must install; nobody is asked before that is done.
    """
    data = vars(plan)
    values: dict[str, Any] = {}
    for key in KEYS:
        value = data[keys.FIELD_OF.get(key, key)]
        values[key] = list(value) if isinstance(value, list | tuple) else "" if value is None else value
    with contextlib.suppress(NoMatchingPython):  # the form shows it among its problems
        chosen = choose_interpreter(plan, pythons).interpreter
        if plan.python_version_basis != "requires-python":
            values["python_version"] = chosen.minor
    return values


def given(values: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
    """Return the typed keys of an answer, and what is wrong with others; an empty text leaves a key to detection."""
    typed: dict[str, Value] = {}
    problems: list[str] = []
    for key in KEYS:
        value = values.get(key)
        raw = "\n".join(map(str, value)) if isinstance(value, list | tuple) else str(value).strip()
        if value is None or (raw == "" and not isinstance(value, list | tuple)):
            continue
        try:
            typed[key] = keys.typed(key, raw)
        except ValueError as error:
            problems.append(f"{key}: {error}.")
    return typed, problems


def plan_problems(plan: Plan, root: Path, pythons: Pythons, *, detected: Plan) -> list[str]:
    """Return what a build of this plan would stumble over, as far as the work tree `root` shows it."""
    if not _is_inside(root, plan.project_root) or not (root / plan.project_root).is_dir():
        return [f"project_root: there is no folder {plan.project_root!r} in the repository."]
    problems = []
    folders = [root / folder for folder in (plan.project_root, *plan.additional_python_path_dirs)]
    module = plan.django_settings_module
    if module != detected.django_settings_module or plan.project_root != detected.project_root:
        problems += _module_problem("django_settings_module", module, folders, root)
    for key in ("wsgi", "asgi"):
        entry = getattr(plan, key)
        if entry and entry != getattr(detected, key):
            problems += _module_problem(key, entry.partition(":")[0], folders, root)
    problems += [
        f"requirements_files: there is no file {name!r} in the repository."
        for name in plan.dependency_files
        if not _is_inside(root, name) or not (root / name).is_file()
    ]
    problems += [problem for hook in plan.hooks if (problem := _hook_problem(hook, root))]
    try:
        choose_interpreter(plan, pythons)
    except (NoMatchingPython, PythonMissing) as error:
        problems.append(f"python_version: {error.found}")
    return problems


def variable_problems(values: Mapping[str, Any], wanted: Collection[MissingVariable]) -> list[str]:
    """Return what is wrong with the variables of an answer, and which are missing; secrets must be stored already."""
    problems = []
    for one in wanted:
        if one.secret:
            if one.required and not one.random:
                problems.append(f"{one.name} is a secret that nobody has set; {one.basis} reads it.")
            continue
        text = str(values.get(VARIABLE + one.name) or "")
        if not text:
            problems += [f"{one.name} has no value; {one.basis} reads it."] if one.required and not one.random else []
            continue
        try:
            names.variable_value(names.variable(one.name), text)
        except InvalidName as error:
            problems.append(error.found)
    return problems


def variables_of(values: Mapping[str, Any], wanted: Collection[MissingVariable]) -> dict[str, str]:
    """Return the values of variables that an answer gives."""
    plain = {one.name: str(values.get(VARIABLE + one.name) or "") for one in wanted if not one.secret}
    return {name: text for name, text in plain.items() if text}


def one_line(error: DzError) -> str:
    """Return an error as one problem of a form."""
    return f"{error.found} {error.remedy}"


def _is_inside(root: Path, name: str) -> bool:
    return (root / name).resolve().is_relative_to(root.resolve())


def _module_problem(key: str, module: str, folders: Sequence[Path], root: Path) -> list[str]:
    """Report a module that does not exist; a folder without `__init__.py` counts as a package."""
    path = module.replace(".", "/")
    for folder in folders:
        for place in (folder / f"{path}.py", folder / path / "__init__.py", folder / path):
            if place.exists() and place.resolve().is_relative_to(root.resolve()):
                return []
    looked = ", ".join(str(folder.relative_to(root)) for folder in folders)
    return [f"{key}: there is no module {module!r} below {looked}."]


def _hook_problem(hook: str, root: Path) -> str | None:
    """Report a hook that looks like a misspelt command; others pass, since installed packages bring unknown ones."""
    word = hook.partition(" ")[0]
    known = {*DJANGO_COMMANDS, *(path.stem for path in root.glob("**/management/commands/*.py"))}
    near = [] if word in known else difflib.get_close_matches(word, sorted(known), 1, _TYPO)
    return f"hooks: {word!r} is no management command; did you mean {near[0]!r}?" if near else None
