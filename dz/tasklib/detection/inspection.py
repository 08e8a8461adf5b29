"""The inspection of a work tree: finds the project in it, and puts the answers to all questions together."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dz.tasklib.detection import answers, procfile, roots, settings
from dz.tasklib.detection.answers import Project
from dz.tasklib.detection.model import Guess, Inspection, Variable
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.paths import beginning, folder_of, joined
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.settings import Candidate
from dz.tasklib.detection.tree import Tree


def inspect(root: Path, given: Mapping[str, str] | None = None) -> Inspection:
    """Return what can be read from the work tree `root`; whatever is in it, this does not raise.

    Args:
        given: variables that the owner has set, some of which a web server reads.
    """
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
            reason=_without_settings(tree, real[0]),
            procfile=tree.has("Procfile"),
            warnings=_warnings(tree),
        )
    # Of two projects, one whose manage.py names settings that are nowhere comes last.
    ranked.sort(key=lambda pair: bool(pair[0].manage_py) and not _has_settings(tree, pair[0]))
    chosen, (modules, candidates) = ranked[0]
    rivals = [one for one, _ in ranked[1:] if _rival(tree, chosen, one)]
    others = [c for _, (_, more) in ranked[1:] for c in more[:1]]
    return _inspection(Project(tree, chosen, modules, candidates, given), rivals, others)


def _has_settings(tree: Tree, root: Root) -> bool:
    """Say whether the settings that manage.py names are in the tree; if it names none, they may be."""
    named = settings.named_in(tree, root.manage_py or "")
    return not named or any(settings.place(tree, "", module) is not None for module, _ in named)


def _without_settings(tree: Tree, root: Root) -> str:
    """Say why no settings were found; they may be what git ignores, with an example of them beside."""
    named = settings.named_in(tree, root.manage_py or root.basis.rpartition(":")[0])
    if not named:
        return "no settings module was found"
    module, basis = named[0]
    path = joined(root.folder, f"{module.replace('.', '/')}.py")
    beside = [one for one in tree.files if folder_of(one) == folder_of(path) and "settings" in one.rpartition("/")[2]]
    example = f" after {beside[0]}" if beside else ""
    return f"{basis} names {module}, which is not in the repository: {path} must be created{example}"


def environment_of(root: Path, project_root: str, settings_module: str) -> tuple[Variable, ...]:
    """Return the variables that a settings module reads which somebody chose in place of the detected one."""
    tree, folder = Tree(root), joined(project_root)
    modules = _modules(tree, folder)
    path = modules.path(settings_module)
    if path is None:
        return ()
    place = Root(folder, None, f"{path}:1", aside=False)
    project = Project(tree, place, modules, [Candidate(settings_module, path, f"{path}:1")])
    return answers.variables(project)


def _modules(tree: Tree, folder: str) -> Modules:
    sources = [joined(folder, "src"), *_sources(tree, folder)]
    folders = list(dict.fromkeys([folder, *sources, joined(folder, "apps"), ""]))
    folders[1:1] = added = _added(tree, folder, folders)
    packages = [place for place in sources if not tree.has(joined(place, "__init__.py"))]
    started = "".join(tree.text(joined(folder, name)) or "" for name in ("manage.py", "wsgi.py", "asgi.py"))
    # `src.shop.settings` is what a project calls its modules that has no package there, but starts from above.
    return Modules(tree, folders, added if re.search(r"['\"]src\.", started) else [*packages, *added])


def _added(tree: Tree, folder: str, folders: list[str]) -> list[str]:
    """Return the folder that manage.py puts on the path, where its settings are found in no other."""
    manage = joined(folder, "manage.py")
    named = settings.named_in(tree, manage) if tree.has(manage) else []
    if not named or any(Modules(tree, folders).path(module) for module, _ in named):
        return []
    places = [settings.place(tree, beginning(folder), module) for module, _ in named]
    return [place for place in places if place][:1]


def _sources(tree: Tree, folder: str) -> list[str]:
    """Return the `src` folders of the packages that lie below a folder, each with a pyproject.toml of its own."""
    below = [folder_of(path) for path in tree.named("pyproject.toml") if path.startswith(beginning(folder))]
    return [joined(one, "src") for one in below if one != folder and tree.has_folder(joined(one, "src"))]


def _settings(tree: Tree, root: Root) -> tuple[Modules, list[Candidate]]:
    modules = _modules(tree, root.folder)
    return modules, settings.candidates(tree, root, modules)


def _rival(tree: Tree, chosen: Root, other: Root) -> bool:
    """Say whether two projects lie side by side; one that lies higher up, or that start commands name, has no rival."""
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
    return (*found, *procfile.not_run(tree))


def _inspection(project: Project, rivals: list[Root], others: list[Candidate]) -> Inspection:
    tree, root, modules, candidates = project.tree, project.root, project.modules, project.candidates
    warning = settings.warning(tree, candidates, root)
    missing = settings.lacks(tree, root, modules, project.best)
    fields: dict[str, Any] = {
        "project_root": root.folder or ".",
        "manage_py": root.manage_py,
        "settings_module": project.best.module,
        "ambiguous": bool(rivals) or bool(missing) or settings.unclear(candidates),
        "python_path_dirs": _path_dirs(root, modules, project.best),
        "warnings": (
            *_warnings(tree),
            *([warning] if warning else []),
            *(
                f"{basis} names {module}, which is not in the repository: {path} must be created."
                for module, path, basis in missing
            ),
        ),
    }
    considered = [*((m, basis) for m, _, basis in missing), *((c.module, c.basis) for c in [*candidates, *others])]
    modules_named = answers.listed("settings_module", considered)
    if missing or (project.best.built and len(candidates) > 1):  # the right one is not there: none may be taken unasked
        modules_named = [dataclasses.replace(guess, is_primary=False) for guess in modules_named]
    guesses: list[Guess] = [
        *answers.listed("project_root", [(root.folder or ".", root.basis), *((r.folder, r.basis) for r in rivals)]),
        *modules_named,
    ]
    for question in answers.QUESTIONS:
        found, more = question(project)
        found["warnings"] = (*fields["warnings"], *found.get("warnings", ()))
        fields |= found
        guesses += more
    fields["warnings"] += tuple(_not_run(guesses))
    return Inspection(is_django=True, **fields, guesses=tuple(guesses))


def _not_run(guesses: list[Guess]) -> Iterator[str]:
    """Say what the project has besides its web process, which is all that runs."""
    for guess in guesses:
        if guess.field == "workers":
            yield f"{guess.value} is not run ({guess.basis}): DjangoZoom runs the web process alone."
        elif guess.field == "needs_node_build":
            yield f"The front end is not built ({guess.basis}): the files that Node makes of it will be missing."


def _path_dirs(root: Root, modules: Modules, best: Candidate) -> tuple[str, ...]:
    """Return the folder that must be on the path for the settings module, if that is not the project's root."""
    inside = best.module.replace(".", "/")
    folder = next((f for f in modules.folders if best.path.startswith(joined(f, inside))), root.folder)
    return (folder,) if folder not in (root.folder, "") else ()
