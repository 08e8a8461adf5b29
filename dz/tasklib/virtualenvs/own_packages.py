"""The packages that a repository itself defines: a name of one of them never comes from a package index.

Whoever registers a free name on a public index would otherwise have his code run by every site that uses a private
package of that name.
"""

import ast
import configparser
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from dz.errors import InvalidRequirement
from dz.tasklib.detection import workspaces
from dz.tasklib.detection.documents import table, toml
from dz.tasklib.detection.paths import folder_of, joined
from dz.tasklib.detection.tree import Tree
from dz.tasklib.virtualenvs import lockfiles
from dz.tasklib.virtualenvs.lines import package_name

_REMEDY = "A name that the repository defines is never taken from the package index. "


@dataclass(frozen=True)
class OwnPackage:
    """A package of the repository.

    Args:
        name: in canonical form.
        folder: relative; "" is the root.
        version: None if it is computed when the package is built.
    """

    name: str
    folder: str
    version: str | None = None


class OwnPackages:
    """The packages that pyproject.toml, setup.cfg and setup.py files of a tree define.

    Args:
        project: the folder of the Django project; the other members of its workspace come before all other packages.
    """

    def __init__(self, tree: Tree, project: str) -> None:
        self.by_name: dict[str, tuple[OwnPackage, ...]] = {}
        members = _members(tree, project)
        for one in _defined(tree):
            self.by_name[one.name] = (*self.by_name.get(one.name, ()), one)
        for name, several in self.by_name.items():
            self.by_name[name] = tuple(one for one in several if one.folder in members) or several

    def named(self, requirement: Requirement, origin: str) -> OwnPackage | None:
        """Return the package of the repository that a requirement without an address means; None if there is none.

        Raises:
            InvalidRequirement: there are several, or the version that it has is not the one that is asked for.
        """
        found = self.by_name.get(canonicalize_name(requirement.name), ())
        if not found:
            return None
        places = " and ".join(one.folder or "its root folder" for one in found)
        if len(found) > 1:
            raise InvalidRequirement(
                f"{origin} asks for {requirement.name}, which the repository itself defines in {places}.",
                f"{_REMEDY}Say which one is meant, for example by a line -e ./{found[0].folder}.",
            )
        version = found[0].version
        if version and not requirement.specifier.contains(version, prereleases=True):
            raise InvalidRequirement(
                f"{origin} asks for {requirement.name}{requirement.specifier}, but the repository itself defines "
                f"{requirement.name} {version} in {places}.",
                f"{_REMEDY}Ask for version {version}, or rename the package in {places} if another one is meant.",
            )
        return found[0]

    def in_folder(self, folder: str) -> OwnPackage | None:
        """Return the package that a folder defines."""
        every = (one for several in self.by_name.values() for one in several)
        return next((one for one in every if one.folder == folder), None)


def _members(tree: Tree, project: str) -> frozenset[str]:
    for folder in (project, *map(str, PurePosixPath(project).parents)):
        found = workspaces.of(tree, folder.removeprefix("."))
        if found:
            return frozenset(found.members)
    return frozenset()


def _defined(tree: Tree) -> Iterator[OwnPackage]:
    seen: set[tuple[str, str]] = set()
    for path in tree.named("pyproject.toml", "setup.cfg", "setup.py"):
        told = _READERS[path.rsplit("/", 1)[-1]](tree, path)
        name = package_name(told.get("name"))
        if name and (name, folder_of(path)) not in seen:
            seen.add((name, folder_of(path)))
            yield OwnPackage(name, folder_of(path), _static_version(told.get("version")))


def dependencies(tree: Tree, folder: str, extras: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (file, requirement line) for what a package says it needs, as far as its files say so without being run."""
    path = joined(folder, "pyproject.toml")
    data = toml(tree, path)
    try:
        lines = [*lockfiles.dependencies(data), *lockfiles.extra_dependencies(data, extras)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidRequirement(f"{path} has an unknown form: {error!r}", "Correct its dependencies.") from None
    if not lines:
        path = joined(folder, "setup.cfg")
        listed = _section(tree, path, "options").get("install_requires")
        lines = str(listed or "").splitlines()
    if not lines:
        path = joined(folder, "setup.py")
        lines = _texts(_of_setup_py(tree, path).get("install_requires"))
    yield from ((path, line.strip()) for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def _static_version(value: object) -> str | None:
    try:
        return str(Version(value)) if isinstance(value, str) else None
    except InvalidVersion:
        return None


def _of_pyproject(tree: Tree, path: str) -> Mapping[str, object]:
    data = toml(tree, path)
    project, poetry = table(data, "project"), table(table(data, "tool"), "poetry")
    plugin = "poetry-dynamic-versioning" in table(data, "tool")
    return {
        "name": project.get("name") or poetry.get("name"),
        "version": None if plugin else project.get("version") or poetry.get("version"),
    }


def _of_setup_cfg(tree: Tree, path: str) -> Mapping[str, object]:
    return _section(tree, path, "metadata")


def _section(tree: Tree, path: str, name: str) -> Mapping[str, object]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(tree.text(path) or "")
    except (configparser.Error, ValueError):
        return {}
    return dict(parser[name]) if parser.has_section(name) else {}


def _of_setup_py(tree: Tree, path: str) -> Mapping[str, object]:
    """Return the arguments of `setup()` that are written out, or assigned to a name before."""
    module = tree.module(path)
    nodes = list(ast.walk(module)) if module else []
    known: dict[str, object] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            known |= {target.id: _value(node.value) for target in node.targets if isinstance(target, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setup"):
            told = {str(word.arg): word.value for word in node.keywords}
            return {
                key: known.get(value.id) if isinstance(value, ast.Name) else _value(value)
                for key, value in told.items()
            }
    return {}


def _value(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


_READERS = {"pyproject.toml": _of_pyproject, "setup.cfg": _of_setup_cfg, "setup.py": _of_setup_py}
