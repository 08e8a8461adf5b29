"""Where `[tool.uv.sources]` says that dependencies come from: the workspace, a folder, git, an address, an index.

Source: docs.astral.sh/uv/concepts/projects/dependencies, "Dependency sources".
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dz.errors import InvalidRequirement
from dz.tasklib.detection import workspaces
from dz.tasklib.detection.documents import table, toml
from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.workspaces import Workspace
from dz.tasklib.virtualenvs.lines import package_name
from dz.tasklib.virtualenvs.lockfiles import Environment, extras, git_address
from dz.tasklib.virtualenvs.own_packages import OwnPackages


@dataclass(frozen=True)
class Sources:
    """The sources that hold for the package of one folder.

    Args:
        folder: relative; "" is the root.
        declared: by canonical name, the folder of the file that declares the source, and the source.
        overrides, constraints: what `override-dependencies` and `constraint-dependencies` say.
    """

    folder: str
    workspace: Workspace | None
    declared: Mapping[Any, tuple[str, Any]]
    overrides: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """The folder of the workspace, or that of the package if it is in none."""
        return self.workspace.folder if self.workspace else self.folder

    def lines(self, line: str, own: OwnPackages, environment: Environment) -> Iterator[str]:
        """Yield the requirement lines that a dependency and its source make together, relative to the folder.

        Raises:
            InvalidRequirement: the source is of an unknown kind, or there is no such package.
        """
        try:
            requirement = Requirement(line)
        except BadRequirement:
            yield line
            return
        found = self._applying(requirement, environment)
        if found is None:
            yield line
        elif requirement.marker is None or requirement.marker.evaluate(dict(environment)):
            yield self._line(requirement, *found, own=own)

    def index(self, line: str, environment: Environment) -> str | None:
        """Return the name of the index that a dependency comes from alone; None if its source is none."""
        try:
            found = self._applying(Requirement(line), environment)
        except BadRequirement:
            return None
        return str(found[1]["index"]) if found and "index" in found[1] else None

    def _applying(self, requirement: Requirement, environment: Environment) -> tuple[str, dict[str, Any]] | None:
        """Return where the source that applies here was declared, and the source; those of extras and groups do not."""
        base, told = self.declared.get(canonicalize_name(requirement.name), ("", ()))
        for one in told if isinstance(told, list) else [told]:
            if isinstance(one, dict) and not {"extra", "group"} & one.keys() and _holds(one, environment):
                return base, one
        return None

    def _line(self, requirement: Requirement, base: str, source: dict[str, Any], *, own: OwnPackages) -> str:
        name = requirement.name + extras({"extras": sorted(requirement.extras)})
        told = f"[tool.uv.sources] of {joined(base, 'pyproject.toml')}"
        if source.get("workspace"):
            member = self._member(requirement.name, told, own)
            return self._path(member, requirement, editable=source.get("editable", True))
        if "path" in source:
            folder = os.path.normpath(os.path.join(base, str(source["path"])))  # noqa: PTH118 - a text, relative to the tree
            if folder.startswith(".."):
                raise InvalidRequirement(
                    f"{told} takes {requirement.name} from {source['path']}, which lies outside the repository.",
                    "Put the folder into the repository, or name a git address.",
                )
            return self._path(folder, requirement, editable=source.get("editable", False))
        if "git" in source:
            ref = source.get("rev") or source.get("tag") or source.get("branch")
            return f"{name} @ {git_address(source['git'], ref, source.get('subdirectory'))}"
        if "url" in source:
            end = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
            return f"{name} @ {source['url']}{end}"
        if "index" in source or "workspace" in source:
            return f"{name}{requirement.specifier}"
        raise InvalidRequirement(
            f"{told}: the source of {requirement.name} is of an unknown kind: {', '.join(sorted(source))}.",
            "Name a workspace, path, git, url or index.",
        )

    def _member(self, name: str, told: str, own: OwnPackages) -> str:
        members = self.workspace.members if self.workspace else ()
        for one in own.by_name.get(canonicalize_name(name), ()):
            if one.folder in members:
                return one.folder
        raise InvalidRequirement(
            f"{told} takes {name} from the workspace, but no member of the workspace is called {name}.",
            "Name the member's folder in [tool.uv.workspace] members, and commit its pyproject.toml.",
        )

    def _path(self, target: str, requirement: Requirement, *, editable: bool) -> str:
        path = os.path.relpath(target or ".", self.folder or ".")
        more = extras({"extras": sorted(requirement.extras)})
        return f"{'-e ' if editable else ''}./{path}{more}"


def names(tree: Tree) -> frozenset[str]:
    """Return all names for which some package of the repository declares a source."""
    tools = (table(toml(tree, path), "tool") for path in tree.named("pyproject.toml"))
    return frozenset(
        filter(None, (package_name(name) for tool in tools for name in table(table(tool, "uv"), "sources")))
    )


def of(tree: Tree, folder: str) -> Sources:
    """Return the sources of the package in a folder; its own win over those of its workspace."""
    workspace = workspaces.of(tree, folder)
    root = workspace.folder if workspace else folder
    data = {place: table(toml(tree, joined(place, "pyproject.toml")), "tool") for place in (root, folder)}
    declared = {
        canonicalize_name(name): (place, source)
        for place, tool in data.items()
        for name, source in table(table(tool, "uv"), "sources").items()
    }
    top = table(data[root], "uv")
    return Sources(
        folder,
        workspace,
        declared,
        overrides=_texts(top, "override-dependencies"),
        constraints=_texts(top, "constraint-dependencies"),
    )


def _texts(data: dict[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _holds(source: dict[str, Any], environment: Environment) -> bool:
    try:
        return not source.get("marker") or Marker(source["marker"]).evaluate(dict(environment))
    except (InvalidMarker, TypeError):
        return True
