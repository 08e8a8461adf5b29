"""Puts the answers of all questions together."""

import re
from pathlib import Path
from typing import Any

from dz.tasklib.detection import (
    database,
    dependencies,
    entrypoints,
    frontend,
    legacy,
    processes,
    roots,
    settings,
    static,
    versions,
)
from dz.tasklib.detection.environment import Variables
from dz.tasklib.detection.interpreter import Interpreter
from dz.tasklib.detection.model import Guess, Inspection
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.settings import Candidate
from dz.tasklib.detection.tree import Tree, joined


def inspect(root: Path) -> Inspection:
    """Return what can be read from the work tree `root`; never raises on its contents."""
    tree = Tree(root)
    found = roots.candidates(tree)
    real = [one for one in found if not roots.is_library(tree, one)]
    if not real:
        reason = (
            "it is a library; Django is only there for its tests" if found else "no manage.py, WSGI module or settings"
        )
        return Inspection(is_django=False, reason=reason, procfile=tree.has("Procfile"), warnings=_warnings(tree))
    ranked = [(one, _settings(tree, one)) for one in real if not one.aside or all(r.aside for r in real)]
    ranked = [(one, modules) for one, modules in ranked if modules[1]]
    if not ranked:
        return Inspection(
            is_django=False,
            reason="no settings module was found",
            procfile=tree.has("Procfile"),
            warnings=_warnings(tree),
        )
    chosen, (modules, candidates) = ranked[0]
    rivals = [one for one, _ in ranked[1:] if _rival(tree, chosen, one)]
    return _inspection(tree, chosen, modules, candidates, rivals, [c for _, (_, more) in ranked[1:] for c in more[:1]])


def _settings(tree: Tree, root: Root) -> tuple[Modules, list[Candidate]]:
    modules = Modules(
        tree, list(dict.fromkeys([root.folder, joined(root.folder, "src"), joined(root.folder, "apps"), ""]))
    )
    return modules, settings.candidates(tree, root, modules)


def _rival(tree: Tree, chosen: Root, other: Root) -> bool:
    """Two projects side by side; one that start commands name, or that lies higher up, wins."""
    if chosen.folder.count("/") != other.folder.count("/") or not chosen.folder or not other.manage_py:
        return False
    starts = "".join(
        tree.text(p) or "" for p in tree.named("Procfile", "Dockerfile", "render.yaml", "fly.toml", "heroku.yml")
    )
    return not re.search(rf"\b{re.escape(chosen.folder)}\b", starts)


def _warnings(tree: Tree) -> tuple[str, ...]:
    found = ["The tree has more files than are read."] if tree.truncated else []
    if tree.has(".gitmodules"):
        found.append("The repository has submodules, which are not part of the checkout.")
    return tuple(found)


def _read(modules: Modules, module: str) -> tuple[Interpreter, Variables, dict[str, Any]]:
    variables = Variables()
    reader = Interpreter(modules, variables)
    try:
        scope = reader.load(module) or {}
    except Exception:  # noqa: BLE001 - outside text: a reader that gives up must not end the inspection
        scope = reader.loaded.get(modules.path(module) or "", {})
    classes = sorted(reader.configurations, key=lambda name: (settings.role(name) != "production", -len(name)))
    if classes and "INSTALLED_APPS" not in scope:
        scope = {**scope, **reader.configurations[classes[0]]}
    return reader, variables, scope


def _inspection(
    tree: Tree, root: Root, modules: Modules, candidates: list[Candidate], rivals: list[Root], others: list[Candidate]
) -> Inspection:
    best = candidates[0]
    reader, variables, scope = _read(modules, best.module)
    package = best.module.split(".")[0]
    wsgi = entrypoints.find(tree, root, modules, "wsgi", package)
    wsgi = wsgi or entrypoints.named_by_settings(tree, modules, scope.get("WSGI_APPLICATION"))
    asgi = entrypoints.find(tree, root, modules, "asgi", package)
    manager, files = dependencies.find(tree, root.folder)
    python = versions.python(tree, root.folder)
    django = versions.django(tree, files)
    celery = processes.celery(tree, root, modules)
    old = legacy.python2(
        tree, root, python[0][0] if python else None, django[0] if django else None, implicit=reader.implicit
    )
    files = files if not old else dependencies.declared(tree, root.folder, files)
    node, node_basis = frontend.needs_node_build(tree, root, list(reader.loaded))
    apps = scope.get("INSTALLED_APPS")
    required = tuple(sorted(variables.required))
    unsure = bool(rivals) or settings.unclear(candidates)
    first_wsgi, first_asgi = _first(wsgi), _first(asgi)
    warning = settings.overlay_warning(candidates, root)
    guesses = [
        *_listed("project_root", [(root.folder or ".", root.basis), *((r.folder, r.basis) for r in rivals)]),
        *_listed("settings_module", [(c.module, c.basis) for c in [*candidates, *others]]),
        *_listed("wsgi", wsgi),
        *_listed("asgi", asgi),
        *_listed("package_manager", [(manager, f"{files[0]}:1")] if files else []),
        *_listed("dependency_files", [(list(files), f"{files[0]}:1")] if files else []),
        *_listed("python_version", [(value, basis) for value, basis, _ in python]),
        *_listed("django_version", [django] if django else []),
        *_listed("celery_app", celery),
        *_listed("database", [(database.database(reader, scope), reader.bases.get("DATABASES", best.basis))]),
        *(Guess("env_required", name, variables.required[name]) for name in required),
        *(Guess("needs_node_build", node, node_basis) for _ in [0] if node),
    ]
    return Inspection(
        is_django=True,
        project_root=root.folder or ".",
        manage_py=root.manage_py,
        settings_module=best.module,
        wsgi=first_wsgi[0],
        asgi=first_asgi[0],
        asgi_needed=entrypoints.asgi_needed(tree, *first_asgi, first_wsgi[0], apps if isinstance(apps, list) else []),
        dependency_files=files,
        package_manager=manager,
        python_version=python[0][0] if python else None,
        python_version_basis=python[0][2] if python else "",
        django_version=django[0] if django else None,
        database=database.database(reader, scope),
        env_required=required,
        env_needed=tuple(sorted(set(variables.read) - set(required))),
        celery_app=processes.named_by_commands(tree, celery) or (celery[0][0] if celery else None),
        workers=processes.workers(tree),
        procfile=processes.procfile(tree, root),
        needs_node_build=node,
        gis=legacy.gis(scope),
        legacy_python2=old,
        legacy_django1=legacy.django1(django[0] if django else None, scope),
        whitenoise=static.whitenoise(scope),
        static_root=static.folder(scope.get("STATIC_ROOT"), root),
        media_root=static.folder(scope.get("MEDIA_ROOT"), root),
        ambiguous=unsure,
        python_path_dirs=_path_dirs(root, modules, candidates[0]),
        warnings=(*_warnings(tree), *([warning] if warning else [])),
        guesses=tuple(guesses),
    )


def _first(values: list[tuple[str, str]]) -> tuple[str | None, str | None]:
    return values[0] if values else (None, None)


def _path_dirs(root: Root, modules: Modules, best: Candidate) -> tuple[str, ...]:
    """Return the folders besides the project's root that the settings module lies in."""
    inside = best.module.replace(".", "/")
    folder = next((f for f in modules.folders if best.path.startswith(joined(f, inside))), root.folder)
    return (folder,) if folder not in (root.folder, "") else ()


def _listed(field: str, values: list[tuple[Any, str]]) -> list[Guess]:
    unique = {repr(value): (value, basis) for value, basis in reversed(values)}
    ordered = [pair for pair in values if unique.get(repr(pair[0])) == pair and unique.pop(repr(pair[0]))]
    return [Guess(field, value, basis, is_primary=number == 0) for number, (value, basis) in enumerate(ordered)]
