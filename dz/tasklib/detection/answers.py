"""The questions about a project whose root and settings are known; each gives fields of the inspection and guesses."""

from collections.abc import Callable
from typing import Any

from dz.tasklib.detection import (
    absent,
    contract,
    database,
    dependencies,
    entrypoints,
    frontend,
    leftover,
    legacy,
    processes,
    risks,
    settings,
    static,
    system_packages,
    versions,
)
from dz.tasklib.detection.environment import Variables
from dz.tasklib.detection.interpreter import Interpreter
from dz.tasklib.detection.model import Guess
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.settings import Candidate
from dz.tasklib.detection.tree import Tree

Answer = tuple[dict[str, Any], list[Guess]]


class Reading:
    """A project of which the production settings have been read.

    Args:
        candidates: its settings modules, the likeliest first; that one is read.
    """

    def __init__(self, tree: Tree, root: Root, modules: Modules, candidates: list[Candidate]) -> None:
        self.tree = tree
        self.root = root
        self.modules = modules
        self.best = candidates[0]
        self.variables = Variables()
        self.reader = Interpreter(modules, self.variables)
        self.scope = self._scope()
        leftover.read(self.reader)
        self.manager, self.files = dependencies.find(tree, root.folder)
        named = versions.python(tree, root.folder)
        self.python = [one for one in named if one[2] != "mentioned"]
        self.mentioned = [
            Guess("python_version", v, basis, is_primary=False) for v, basis, k in named if k == "mentioned"
        ]
        self.django = versions.django(tree, self.files)

    def _scope(self) -> dict[str, Any]:
        try:
            scope = self.reader.load(self.best.module) or {}
        except Exception:  # noqa: BLE001 - outside text: a reader that gives up must not end the inspection
            scope = self.reader.loaded.get(self.modules.path(self.best.module) or "", {})
        classes = sorted(self.reader.configurations, key=lambda name: (settings.role(name) != "production", -len(name)))
        if classes and "INSTALLED_APPS" not in scope:
            return {**scope, **self.reader.configurations[classes[0]]}
        return scope


def listed(field: str, values: list[tuple[Any, str]]) -> list[Guess]:
    """Return guesses of (value, basis), the first one primary, equal ones once."""
    unique = {repr(value): (value, basis) for value, basis in reversed(values)}
    ordered = [pair for pair in values if unique.get(repr(pair[0])) == pair and unique.pop(repr(pair[0]))]
    return [Guess(field, value, basis, is_primary=number == 0) for number, (value, basis) in enumerate(ordered)]


def _first(values: list[tuple[str, str]]) -> tuple[str | None, str | None]:
    return values[0] if values else (None, None)


def _entrypoints(read: Reading) -> Answer:
    package, apps = read.best.module.split(".")[0], read.scope.get("INSTALLED_APPS")
    wsgi = entrypoints.find(read.tree, read.root, read.modules, "wsgi", package)
    named = read.scope.get("WSGI_APPLICATION"), read.scope.get("ASGI_APPLICATION")
    wsgi = wsgi or entrypoints.named_by_settings(read.tree, read.modules, named[0], "get_wsgi_application")
    asgi = entrypoints.find(read.tree, read.root, read.modules, "asgi", package)
    asgi = asgi or entrypoints.named_by_settings(read.tree, read.modules, named[1], "ProtocolTypeRouter")
    first, second = _first(wsgi), _first(asgi)
    needed = entrypoints.asgi_needed(read.tree, *second, first[0], apps if isinstance(apps, list) else [])
    fields = {"wsgi": first[0], "asgi": second[0], "asgi_needed": needed}
    return fields, [*listed("wsgi", wsgi), *listed("asgi", asgi)]


def _installation(read: Reading) -> Answer:
    python = read.python[0][0] if read.python else None
    django = read.django[0] if read.django else None
    old = legacy.python2(read.tree, read.root, python, django, implicit=read.reader.implicit)
    files = read.files if not old else dependencies.declared(read.tree, read.root.folder, read.files)
    fields = {
        "dependency_files": files,
        "package_manager": read.manager,
        "python_version": python,
        "python_version_basis": read.python[0][2] if read.python else "",
        "django_version": django,
        "legacy_python2": old,
        "legacy_django1": legacy.django1(django, read.scope),
    }
    return fields, [
        *listed("package_manager", [(read.manager, f"{files[0]}:1")] if files else []),
        *listed("dependency_files", [(list(files), f"{files[0]}:1")] if files else []),
        *listed("python_version", [(value, basis) for value, basis, _ in read.python]),
        *read.mentioned,
        *listed("django_version", [read.django] if read.django else []),
    ]


def _processes(read: Reading) -> Answer:
    celery = processes.celery(read.tree, read.root, read.modules)
    fields = {
        "celery_app": processes.named_by_commands(read.tree, celery) or (celery[0][0] if celery else None),
        "workers": processes.workers(read.tree),
        "procfile": processes.procfile(read.tree, read.root),
    }
    return fields, listed("celery_app", celery)


def _files(read: Reading) -> Answer:
    node, basis = frontend.needs_node_build(read.tree, read.root, list(read.reader.loaded))
    fields = {
        "needs_node_build": node,
        "whitenoise": static.whitenoise(read.scope),
        "static_root": static.folder(read.scope.get("STATIC_ROOT"), read.root),
        "media_root": static.folder(read.scope.get("MEDIA_ROOT"), read.root),
    }
    return fields, [Guess("needs_node_build", node, basis)] if node else []


def _database(read: Reading) -> Answer:
    kind = database.database(read.reader, read.scope, read.best.path)
    basis = read.reader.bases.get("DATABASES", read.best.basis)
    return {"database": kind, "gis": legacy.gis(read.scope)}, listed("database", [(kind, basis)])


def _outside(read: Reading) -> Answer:
    """Answer what has to be there besides the repository: files, and packages of the operating system."""
    packages = system_packages.find(read.tree, read.root.folder, read.files, gis=legacy.gis(read.scope))
    missing = read.reader.absent | settings.absent(read.tree, read.root, read.modules, read.best.module)
    basis = read.reader.bases.get("LOGGING", read.best.basis)
    missing |= dict.fromkeys(absent.folders(read.tree, read.root.folder, read.scope.get("LOGGING")), basis)
    fields = {"system_packages": tuple(name for name, _ in packages), "required_files": tuple(missing)}
    guesses = [Guess("required_files", path, where) for path, where in missing.items()]
    return fields, [*guesses, *(Guess("system_packages", name, where) for name, where in packages)]


def _environment(read: Reading) -> Answer:
    found = contract.variables(read.variables, read.reader.taint, read.scope)
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


def _risks(read: Reading) -> Answer:
    found = risks.find(read.tree, read.root, read.reader, read.scope)
    return {"risks": found}, [Guess("risk", one.to_json(), one.basis) for one in found]


QUESTIONS: tuple[Callable[[Reading], Answer], ...] = (
    _entrypoints,
    _installation,
    _processes,
    _files,
    _database,
    _outside,
    _environment,
    _risks,
)
