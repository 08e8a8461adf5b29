"""Where in a repository the Django project lies: its manage.py, and the folder that has to be on the path."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from dz.tasklib.detection.paths import folder_of, joined, parents
from dz.tasklib.detection.tree import Tree

_ASIDE = re.compile(
    r"(^|/)(tests?|testing|test_?projects?|testapp|examples?|example_?projects?|demo|samples?|docs?|sandbox|benchmarks?"
    r"|fixtures|vendor|third_party|templates?|project_template|skeleton|scripts|tools|legacy|old|backup)(/|$)",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\{\{|\{%|\$\{|project_name\}|__project")
_MAIN = re.compile(r"(^|/)(server|backend|api|web|website|site|app|project|src|django)$", re.IGNORECASE)
_NAMED = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*[,\]][^'\"\n]{0,200}['\"]([\w.]+)['\"]")
_EXECUTES = ("execute_from_command_line", "execute_manager", "ManagementUtility")


@dataclass(frozen=True)
class Root:
    """A folder that may hold the project.

    Args:
        folder: relative; "" is the root of the tree.
        basis: the file that says so.
        aside: it lies in a folder of tests, examples or documentation.
    """

    folder: str
    manage_py: str | None
    basis: str
    aside: bool


def candidates(tree: Tree) -> list[Root]:
    """Return the folders that may hold the project, the likeliest first."""
    found = {root.folder: root for root in (_managed(tree, path) for path in _manage_files(tree)) if root}
    for path in tree.named("wsgi.py", "asgi.py", "django.wsgi"):
        text = tree.text(path) or ""
        if "{{ project_name" in text:
            continue
        if ("DJANGO_SETTINGS_MODULE" in text and "django" in text) and not _TEMPLATE.search(path):
            folder, named = _importable(tree, path, text)
            asked = folder if named else path
            inside = any(folder == known or asked.startswith(f"{known}/") or known == "" for known in found)
            if folder not in found and not inside:
                found[folder] = Root(folder, None, tree.line(path, "DJANGO_SETTINGS_MODULE"), bool(_ASIDE.search(path)))
    if not found:
        found = {root.folder: root for root in _by_settings(tree)}
    found = {root.folder: root for root in found.values() if not _forwards(tree, root, found)}
    return sorted(
        found.values(),
        key=lambda root: (
            root.aside,
            root.folder.count("/") + bool(root.folder),
            not _MAIN.search(root.folder),
            root.folder,
        ),
    )


def _manage_files(tree: Tree) -> list[str]:
    named = [path for path in tree.files if re.search(r"(^|/)(\w*manage\w*|django-admin|__main__)\.py$", path)]
    return [path for path in named if any(word in (tree.text(path) or "") for word in _EXECUTES)]


def _managed(tree: Tree, path: str) -> Root | None:
    text = tree.text(path) or ""
    if _TEMPLATE.search(path) or re.search(r"\{\{ ?\w|\{% ", text):
        return None
    if path.rsplit("/", 1)[-1] != "manage.py" and tree.named("manage.py"):
        return None
    beside = [joined(folder_of(path), name) for name in ("settings.py", "urls.py", "wsgi.py")]
    if sum("{{ project_name }}" in (tree.text(name) or "") for name in beside) > 1:
        return None
    word = next(word for word in _EXECUTES if word in text)
    return Root(folder_of(path), path, tree.line(path, word), bool(_ASIDE.search(folder_of(path))))


def _forwards(tree: Tree, root: Root, known: Collection[str]) -> bool:
    """Say whether a manage.py is for convenience: it names settings that lie where the manage.py of a subfolder is."""
    named = _NAMED.search(tree.text(root.manage_py or "") or "")
    if not named or _has_module(tree, root.folder, named[1]):
        return False
    inside = f"{root.folder}/" if root.folder else ""
    return any(
        folder != root.folder and folder.startswith(inside) and _has_module(tree, folder, named[1]) for folder in known
    )


def _has_module(tree: Tree, folder: str, module: str) -> bool:
    inside = module.replace(".", "/")
    return tree.has(joined(folder, f"{inside}.py")) or tree.has(joined(folder, inside, "__init__.py"))


def _importable(tree: Tree, path: str, text: str) -> tuple[str, bool]:
    """Return the folder that has to be on the path, and whether the settings that the file names are in it."""
    named = _NAMED.search(text)
    folder = folder_of(path)
    if named:
        for base in dict.fromkeys([folder_of(folder), folder, *parents(path), ""]):
            if _has_module(tree, base, named[1]):
                return base, True
    while tree.has(joined(folder, "__init__.py")):
        folder = folder_of(folder)
    return folder, False


def _by_settings(tree: Tree) -> list[Root]:
    found = []
    for path in tree.files:
        name = path.rsplit("/", 1)[-1]
        if not name.endswith(".py") or "settings" not in path or _TEMPLATE.search(path):
            continue
        text = tree.text(path) or ""
        if "INSTALLED_APPS" in text and "ROOT_URLCONF" in text and "{{" not in text:
            folder = folder_of(path)
            while tree.has(joined(folder, "__init__.py")):
                folder = folder_of(folder)
            found.append(Root(folder, None, tree.line(path, "INSTALLED_APPS"), bool(_ASIDE.search(path))))
    return found


def is_library(tree: Tree, root: Root) -> bool:
    """Say whether the repository publishes a package, and the Django project only tests or demonstrates it."""
    packaged = tree.has("setup.py") or "[build-system]" in (tree.text("pyproject.toml") or "") or tree.has("setup.cfg")
    if root.aside:
        return packaged or not root.manage_py
    if not root.manage_py and re.search("test|example|demo", root.basis.rpartition("/")[2]):
        return packaged
    text = tree.text(root.manage_py or "") or ""
    for_tests = re.search(
        r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]*\b(tests?|testing|test_\w+|testproject|example\w*|demo\w*|sandbox)\b[\w.]*)",
        text,
    )
    return packaged and (for_tests is not None or _shows_another(tree, text))


def _shows_another(tree: Tree, manage: str) -> bool:
    """Say whether the repository publishes an add-on for Django, and manage.py belongs to another package beside it."""
    told = "".join(tree.text(path) or "" for path in ("setup.py", "setup.cfg", "pyproject.toml"))
    name = re.search(r"(?im)^\s*name\s*=\s*['\"]([\w.-]+)['\"]", told) or re.search(r"(?m)^name\s*=\s*([\w.-]+)", told)
    used = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"](\w+)", manage)
    if "Framework :: Django" not in told or name is None or used is None:
        return False
    package = re.sub(r"\W", "_", name[1].lower())
    published = [place for place in (package, f"src/{package}") if tree.has(f"{place}/__init__.py")]
    served = any(tree.has(f"{place}/{entry}.py") for place in published for entry in ("wsgi", "asgi"))
    return bool(published) and used[1] != package and not served
