"""The questions asked about a project whose settings have been read; each answer is fields of the inspection and guesses."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from dz.tasklib.detection import (
    contract,
    database,
    dependencies,
    entrypoints,
    frontend,
    imports,
    legacy,
    processes,
    reader,
    risks,
    settings,
    static,
    system_packages,
    versions,
)
from dz.tasklib.detection.model import Guess, Variable
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.reader import Reading, missing_files
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.settings import Candidate
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.web import process

Answer = tuple[dict[str, Any], list[Guess]]


class Project:
    """A project whose production settings have been read.

    Args:
        candidates: its settings modules, the likeliest first; that one is read.
        given: variables that the owner has set.
    """

    def __init__(
        self,
        tree: Tree,
        root: Root,
        modules: Modules,
        candidates: list[Candidate],
        given: Mapping[str, str] | None = None,
    ) -> None:
        self.given = given or {}
        self.candidates = candidates
        self.tree = tree
        self.root = root
        self.modules = modules
        self.best = candidates[0]
        self.reading = _with_deployed_class(reader.read(modules, self.best.module))
        self.values = self.reading.values
        self.found = self.reading.found
        self.manager, self.files = dependencies.find(tree, root.folder)
        named = versions.python(tree, root.folder)
        self.python = [one for one in named if one[2] != "mentioned"]
        self.mentioned = [
            Guess("python_version", v, basis, is_primary=False) for v, basis, k in named if k == "mentioned"
        ]
        self.django = versions.django(tree, self.files)


def _with_deployed_class(reading: Reading) -> Reading:
    """Add the settings of the class that production would choose, if the project uses django-configurations."""
    classes = reading.found.configurations
    ranked = sorted(classes, key=lambda name: (settings.role(name) != "production", -len(name)))
    if not ranked or "INSTALLED_APPS" in reading.values:
        return reading
    return dataclasses.replace(reading, values={**reading.values, **classes[ranked[0]]})


def listed(field: str, values: list[tuple[Any, str]]) -> list[Guess]:
    """Turn pairs of (value, basis) into guesses: the first is primary, and equal values are listed once."""
    unique = {repr(value): (value, basis) for value, basis in reversed(values)}
    ordered = [pair for pair in values if unique.get(repr(pair[0])) == pair and unique.pop(repr(pair[0]))]
    return [Guess(field, value, basis, is_primary=number == 0) for number, (value, basis) in enumerate(ordered)]


def _first(values: list[tuple[str, str]]) -> tuple[str | None, str | None]:
    return values[0] if values else (None, None)


def _entrypoints(project: Project) -> Answer:
    package, apps = project.best.module.split(".")[0], project.values.get("INSTALLED_APPS")
    wsgi = entrypoints.find(project.tree, project.root, project.modules, "wsgi", package)
    named = project.values.get("WSGI_APPLICATION"), project.values.get("ASGI_APPLICATION")
    wsgi = wsgi or entrypoints.named_by_settings(project.tree, project.modules, named[0], "get_wsgi_application")
    asgi = entrypoints.find(project.tree, project.root, project.modules, "asgi", package)
    routers = entrypoints.named_by_settings(project.tree, project.modules, named[1], "ProtocolTypeRouter")
    asgi = [*routers, *asgi] if entrypoints.is_whole(project.tree, routers, asgi) else asgi or routers
    first, second = _first(wsgi), _first(asgi)
    needed = entrypoints.asgi_needed(project.tree, *second, first[0], apps if isinstance(apps, list) else [])
    fields = {"wsgi": first[0], "asgi": second[0], "asgi_needed": needed}
    return fields, [*listed("wsgi", wsgi), *listed("asgi", asgi)]


def _installation(project: Project) -> Answer:
    python = project.python[0][0] if project.python else None
    preferred = next((one for one in project.python if one[2] == "preference"), None)
    django = project.django[0] if project.django else None
    old = legacy.python2(project.tree, project.root, python, django, implicit=project.found.implicit)
    files = project.files if not old else dependencies.declared(project.tree, project.root.folder, project.files)
    unlisted = [] if project.files else _unlisted(project)
    fields = {
        "dependency_files": files,
        "package_manager": project.manager,
        "extra_requirements": tuple(line for line, _ in unlisted),
        "python_version": python,
        "python_version_basis": project.python[0][2] if project.python else "",
        "python_version_place": project.python[0][1] if project.python else "",
        "python_preference": preferred[0] if preferred else None,
        "python_preference_place": preferred[1] if preferred else "",
        "django_version": django,
        "legacy_python2": old,
        "legacy_django1": legacy.django1(django, project.values),
    }
    return fields, [
        *listed("package_manager", [(project.manager, f"{files[0]}:1")] if files else []),
        *listed("dependency_files", [(list(files), f"{files[0]}:1")] if files else []),
        *(Guess("extra_requirements", line, basis) for line, basis in unlisted),
        *listed("python_version", [(value, basis) for value, basis, _ in project.python]),
        *project.mentioned,
        *listed("django_version", [project.django] if project.django else []),
    ]


def _unlisted(project: Project) -> list[tuple[str, str]]:
    """Return the packages that a project without a list of dependencies needs, and the places that ask for them."""
    lists = [project.values.get(name) for name in ("INSTALLED_APPS", "MIDDLEWARE")]
    named = [str(one) for names in lists if isinstance(names, list | tuple) for one in names]
    basis = project.found.bases.get("INSTALLED_APPS", project.best.basis)
    return imports.packages(project.tree, project.root.folder, named, basis)


def _processes(project: Project) -> Answer:
    celery = processes.celery(project.tree, project.root, project.modules)
    asked = processes.unnamed(project.tree, project.root, project.values, project.found.bases, celery)
    background = dict([*reversed(asked), *reversed(processes.workers(project.tree))][::-1])
    fields = {
        "celery_app": processes.named_by_commands(project.tree, celery) or (celery[0][0] if celery else None),
        "workers": tuple(background),
        "procfile": processes.procfile(project.tree, project.root),
    }
    return fields, [
        *listed("celery_app", celery),
        *(Guess("workers", name, basis) for name, basis in background.items()),
    ]


def _files(project: Project) -> Answer:
    node, basis = frontend.needs_node_build(project.tree, project.root, project.reading.files)
    fields = {
        "needs_node_build": node,
        "whitenoise": static.whitenoise(project.values),
        "static_root": static.folder(project.values.get("STATIC_ROOT"), project.root),
        "media_root": static.folder(project.values.get("MEDIA_ROOT"), project.root),
    }
    return fields, [Guess("needs_node_build", node, basis)] if node else []


def _database(project: Project) -> Answer:
    kind = database.database(project.tree, project.reading, project.best.path)
    basis = project.found.bases.get("DATABASES", project.best.basis)
    return {"database": kind, "gis": database.gis(project.values)}, listed("database", [(kind, basis)])


def _outside(project: Project) -> Answer:
    """Answer what a deploy needs besides the repository: files, and packages of the operating system."""
    packages = system_packages.find(project.tree, project.root.folder, project.files, gis=database.gis(project.values))
    missing = project.found.absent | settings.absent(project.tree, project.root, project.modules, project.best.module)
    basis = project.found.bases.get("LOGGING", project.best.basis)
    missing |= dict.fromkeys(
        missing_files.folders(project.tree, project.root.folder, project.values.get("LOGGING")), basis
    )
    fields = {"system_packages": tuple(name for name, _ in packages), "required_files": tuple(missing)}
    guesses = [Guess("required_files", path, where) for path, where in missing.items()]
    return fields, [*guesses, *(Guess("system_packages", name, where) for name, where in packages)]


def variables(project: Project) -> tuple[Variable, ...]:
    """Return the variables that settings read and that addresses of private packages need, the required ones first."""
    found = contract.variables(project.reading)
    known = {one.name for one in found if one.required}
    tokens = [one for one in dependencies.tokens(project.tree, project.files) if one.name not in known]
    return (*tokens, *(one for one in found if one.name not in {token.name for token in tokens}))


def _environment(project: Project) -> Answer:
    found = variables(project)
    required = tuple(one.name for one in found if one.required)
    fields = {
        "environment": found,
        "env_required": required,
        "env_needed": tuple(one.name for one in found if not one.required),
    }
    return fields, [
        *(Guess("env_required", one.name, one.basis) for one in found if one.required),
        *(Guess("environment", one.to_json(), one.basis) for one in found),
    ]


def _web(project: Project) -> Answer:
    found = process.find(project.tree, project.root.folder, project.given)
    streams = process.streams(project.tree, project.root.folder)
    values = (*found.values, *([("streams", "true", streams)] if streams else []))
    fields = {"web": values, "warnings": found.warnings}
    return fields, [Guess(key, value, basis) for key, value, basis in values]


def _risks(project: Project) -> Answer:
    found = risks.find(project.tree, project.root, project.reading)
    return {"risks": found}, [Guess("risk", one.to_json(), one.basis) for one in found]


QUESTIONS: tuple[Callable[[Project], Answer], ...] = (
    _entrypoints,
    _installation,
    _processes,
    _files,
    _database,
    _outside,
    _environment,
    _risks,
    _web,
)
