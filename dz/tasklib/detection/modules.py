"""Finds the modules of a project by their dotted names."""

import ast
from collections.abc import Collection

from dz.tasklib.detection.paths import beginning, joined
from dz.tasklib.detection.tree import Tree


class Modules:
    """The modules that can be imported when `folders` are on the path.

    Args:
        folders: relative folders, the first wins; "" is the root of the tree.
        sources: those of them below which names begin, even though a folder above is on the path, too.
    """

    def __init__(self, tree: Tree, folders: list[str], sources: Collection[str] = ()) -> None:
        self.tree = tree
        self.folders = folders
        self.sources = sources

    def path(self, name: str) -> str | None:
        """Return the file of module `name`: the package's `__init__.py` or the module's file."""
        parts = name.replace(".", "/")
        for folder in self.folders:
            for end in ("/__init__.py", ".py"):
                path = joined(folder, parts + end)
                if self.tree.has(path):
                    return path
        return None

    def is_own(self, name: str | None) -> bool:
        """Say whether the first package of `name` belongs to the project."""
        top = (name or "").split(".")[0]
        return bool(top) and any(self.path(top) or self.tree.has_folder(joined(f, top)) for f in self.folders)

    def name(self, path: str) -> str | None:
        """Return the dotted name of a file, or None if it cannot be imported."""
        for folder in sorted(self.folders, key=lambda one: one not in self.sources):
            start = beginning(folder)
            if path.startswith(start) and path.endswith(".py"):
                dotted = path[len(start) : -3].removesuffix("/__init__").replace("/", ".")
                if all(part.isidentifier() for part in dotted.split(".")):
                    return dotted
        return None

    def absolute(self, node: ast.ImportFrom, module: str, path: str) -> str:
        """Return the absolute name of the module that an import statement imports from."""
        if not node.level:
            return node.module or ""
        package = module.split(".")
        drop = node.level - (1 if path.endswith("/__init__.py") else 0)
        base = package[: len(package) - drop] if drop else package
        return ".".join([*base, *((node.module or "").split(".") if node.module else [])])

    def implicit(self, node: ast.ImportFrom, module: str) -> str | None:
        """Return the module beside this one that Python 2 would take for `from module import *` without a dot."""
        if node.level or not node.module or node.names[0].name != "*" or self.is_own(node.module):
            return None
        beside = f"{module.rpartition('.')[0]}.{node.module}".lstrip(".")
        return beside if beside != node.module and self.path(beside) else None
