"""Files that must exist before the settings can be imported, and that the repository lacks."""

import ast
import posixpath
import re
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree

_OF_THE_SYSTEM = {"etc", "var", "srv", "opt", "home", "usr", "tmp", "run", "root", "mnt", "app", "code", "proc", "dev"}


def file(tree: Tree, home: str, value: Any) -> str | None:
    """Return the path of a file that settings read and that is not there.

    Args:
        home: the folder that the project runs in.
        value: the path as the settings give it; the tree's root is "/".
    """
    text = str(value) if isinstance(value, str | PurePosixPath) else ""
    if not text or "\0" in text or len(text) > 500:
        return None
    path = posixpath.normpath(text if text.startswith("/") else f"/{joined(home, text)}").strip("/")
    if path in ("", ".") or tree.has(path) or tree.has_folder(path):
        return None
    first, _, rest = path.partition("/")
    outside = text.startswith("/") and rest and first in _OF_THE_SYSTEM and not tree.has_folder(first)
    return f"/{path}" if outside else path


def module(modules: Modules, node: ast.ImportFrom | ast.Import, name: str) -> str | None:
    """Return the path of a module of the project that settings import and that is not there."""
    if modules.path(name) or not name:
        return None
    top, parts = name.split(".", maxsplit=1)[0], name.replace(".", "/")
    package = modules.path(top)
    if package and package.endswith(f"{top}/__init__.py"):
        base = package.removesuffix(f"{top}/__init__.py").strip("/")
        path = joined(base, parts) + ".py"
        return None if modules.tree.has_folder(path.removesuffix(".py")) else path
    relative = isinstance(node, ast.ImportFrom) and node.level
    if "." in name or not (relative or _is_ignored(modules.tree, f"{top}.py")):
        return None
    return joined(modules.folders[0], f"{top}.py")


def _is_ignored(tree: Tree, name: str) -> bool:
    """Say whether git is told to leave a file out: it is each developer's own, and not another package's."""
    texts = [tree.text(path) or "" for path in tree.named(".gitignore")[:5]]
    return any(re.search(rf"(?m)^\s*/?(?:[\w.-]+/)*{re.escape(name)}\s*$", text) for text in texts)


def folders(tree: Tree, home: str, logging: Any) -> list[str]:
    """Return the folders that log files are to be written into and that are not there."""
    handlers = logging.get("handlers") if isinstance(logging, dict) else None
    found = []
    for handler in handlers.values() if isinstance(handlers, dict) else []:
        path = file(tree, home, handler.get("filename")) if isinstance(handler, dict) else None
        folder = posixpath.dirname(path or "")
        if folder and not folder.startswith("/") and not tree.has_folder(folder):
            found.append(f"{folder}/")
    return list(dict.fromkeys(found))
