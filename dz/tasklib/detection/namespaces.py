"""What settings modules define, and what they take over from others."""

import ast
import re

from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.syntax import source
from dz.tasklib.detection.tree import Tree


def defined(tree: Tree, modules: Modules, name: str, seen: set[str] | None = None) -> set[str]:
    """Return the upper-case names that a module defines itself or takes over from others by `import *`."""
    seen = set() if seen is None else seen
    path = modules.path(name)
    module = tree.module(path) if path else None
    if path is None or path in seen or len(seen) > 40:
        return set()
    seen.add(path)
    names = set() if module else set(re.findall(r"(?m)^([A-Z][A-Z_]+)\s*=", tree.text(path) or ""))
    for node in ast.walk(module or ast.Module([], [])):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.isupper():
            names.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            names |= _taken_over(tree, modules, node, name, seen)
        elif isinstance(node, ast.Call) and source(node.func) in (
            "include",
            "execfile",
            "exec",
            "locals().update",
            "globals().update",
            "dynaconf.DjangoDynaconf",
        ):
            names.add("*")
    return names


def _taken_over(tree: Tree, modules: Modules, node: ast.ImportFrom, name: str, seen: set[str]) -> set[str]:
    """Return the upper-case names that module `name` gets from one import: all, some, or those of classes."""
    names = set()
    path = modules.path(name) or ""
    target, parents = modules.absolute(node, name, path), _modules_of_bases(tree.module(path))
    for alias in node.names:
        if alias.name == "*":
            target = modules.implicit(node, name) or target
            names |= defined(tree, modules, target, seen)
        elif alias.name.isupper():
            names.add(alias.name)
        elif (alias.asname or alias.name) in parents:
            names |= defined(tree, modules, f"{target}.{alias.name}", seen)
        elif alias.name[:1].isupper() and _has_class(tree, modules, target, alias.name):
            names |= defined(tree, modules, target, seen)
    return names


def _modules_of_bases(module: ast.Module | None) -> set[str]:
    """Return the modules whose classes the classes of a module inherit from, by the names that they have here."""
    classes = [node for node in (module.body if module else []) if isinstance(node, ast.ClassDef)]
    bases = [base.value for node in classes for base in node.bases if isinstance(base, ast.Attribute)]
    return {base.id for base in bases if isinstance(base, ast.Name)}


def _has_class(tree: Tree, modules: Modules, name: str, wanted: str) -> bool:
    """Say whether a module of the project defines a class, as settings of django-configurations do."""
    path = modules.path(name)
    module = tree.module(path) if path else None
    return any(isinstance(node, ast.ClassDef) and node.name == wanted for node in (module.body if module else []))


def is_part(tree: Tree, modules: Modules, name: str) -> bool:
    """Say whether a module only holds classes that its settings package imports."""
    package, _, last = name.rpartition(".")
    path = modules.path(package) if package else None
    module = tree.module(path) if path else None
    return any(
        isinstance(node, ast.ImportFrom)
        and modules.absolute(node, package, path or "") == f"{package}.{last}"
        and any(_has_class(tree, modules, name, alias.name) for alias in node.names)
        for node in (module.body if module else [])
    )


def starred(tree: Tree, modules: Modules, name: str) -> list[str]:
    """Return the modules of the project that a settings package takes over by `import *`."""
    path = modules.path(name) or ""
    module = tree.module(path) if path.endswith("/__init__.py") else None
    stars = [
        n for n in ast.walk(module or ast.Module([], [])) if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"
    ]
    targets = [modules.absolute(node, name, path) for node in stars]
    return [target for target in targets if modules.path(target)]
