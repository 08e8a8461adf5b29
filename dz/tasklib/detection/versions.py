"""The Python and Django versions that a repository asks for."""

import re
from typing import Any

from dz.tasklib.detection.dependencies import toml
from dz.tasklib.detection.tree import Tree, joined

_DJANGO = re.compile(r"(?im)^\s*['\"]?django(?:\[[\w,-]+\])?\s*((?:[=<>~!^]=?=?\s*[\w.*]+\s*,?\s*)*)")


def python(tree: Tree, root: str) -> list[tuple[str, str, str]]:
    """Return (constraint, basis, kind) for every place that names a Python version, the strongest first.

    The kind is `requires-python` where an installer enforces it, else `preference`.
    """
    found: list[tuple[str, str, str]] = []
    for folder in dict.fromkeys([root, ""]):
        path = joined(folder, "pyproject.toml")
        data = toml(tree, path)
        project, poetry = _table(data, "project"), _table(_table(_table(data, "tool"), "poetry"), "dependencies")
        for value, key in ((project.get("requires-python"), "requires-python"), (poetry.get("python"), "python")):
            if isinstance(value, str) and value != "*":
                found.append((value, tree.line(path, key), "requires-python"))
        found += _preferences(tree, folder)
    docker = [
        p
        for p in tree.files
        if re.search(r"(^|/)Dockerfile[\w.-]*$", p) and not re.search(r"dev|local|test", p, re.IGNORECASE)
    ]
    for path in [*docker, *tree.named("devcontainer.json")]:
        match = re.search(
            r"(?:FROM\s+\S*python:|devcontainers/python:[\w-]*?-?)(\d\.\d+(?:\.\d+)?)", tree.text(path) or ""
        )
        if match:
            found.append((match[1], tree.line(path, match[0]), "preference"))
    return found


def _table(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _preferences(tree: Tree, folder: str) -> list[tuple[str, str, str]]:
    found = []
    pipfile = joined(folder, "Pipfile")
    value = _table(toml(tree, pipfile), "requires")
    version = value.get("python_full_version") or value.get("python_version")
    if isinstance(version, str):
        found.append((version, tree.line(pipfile, version), "preference"))
    for name in (".python-version", "runtime.txt"):
        path = joined(folder, name)
        match = re.search(r"(?m)^\s*(?:python-|cpython-)?(\d+(?:\.\d+)*)", tree.text(path) or "")
        if match:
            found.append((match[1], tree.line(path, match[1]), "preference"))
    return found


def django(tree: Tree, files: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the constraint on Django and its basis, from the dependency files and then the lock."""
    for path in files:
        if path.endswith(".lock"):
            continue
        text = tree.text(path) or ""
        match = re.search(
            r"(?im)^\s*['\"]?django(?:\[[\w,-]+\])?['\"]?\s*=\s*(?:\{.*?version\s*=\s*)?['\"]([^'\"]+)", text
        )
        match = match if path.endswith(("pyproject.toml", "Pipfile")) and match and match[1] != "*" else None
        for found in [match] if match else _DJANGO.finditer(text):
            if found[1].strip(" ,") and not re.match(r"[\w-]", text[found.end() : found.end() + 1].strip() or " "):
                return found[1].strip(" ,"), tree.line(path, found[0].strip().splitlines()[0][:60])
        inline = re.search(r"(?i)['\"]django(?:\[[\w,-]+\])?\s*((?:[=<>~!]=?=?\s*[\w.*]+\s*,?\s*)+)['\"]", text)
        if inline:
            return inline[1].strip(), tree.line(path, inline[0])
    for path in files:
        locked = re.search(
            r"(?i)name = \"django\"\nversion = \"([\d.]+)\"|\"django\": \{[^}]*?\"version\": \"==([\d.]+)\"",
            tree.text(path) or "",
        )
        if locked:
            return f"=={locked[1] or locked[2]}", tree.line(path, locked[0].splitlines()[0])
    return None
