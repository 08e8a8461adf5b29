"""The Python and Django versions that a repository asks for."""

import re

from dz.tasklib.detection import named_pythons
from dz.tasklib.detection.documents import table, toml
from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree

_CONSTRAINT = r"(?:\[[\w, -]+\])?\s*\(?\s*((?:[=<>~!]==?\s*[\w.*]+\s*,?\s*|[<>]\s*[\w.*]+\s*,?\s*)+)"
_DJANGO = re.compile(rf"\s*django{_CONSTRAINT}", re.IGNORECASE)
_INLINE = re.compile(rf"['\"]django{_CONSTRAINT}", re.IGNORECASE)
_TABLE = re.compile(r"\s*['\"]?django['\"]?\s*=\s*(?:\{.*?version\s*=\s*)?['\"]([^'\"*]+)", re.IGNORECASE)
_LOCKED = re.compile(
    r"(?i)name = \"django\"\nversion = \"([\d.]+)\"|\"django\": \{[^}]{0,3000}?\"version\": \"==([\d.]+)\""
)

_ASKED = re.compile(
    r"\bpython[\s*_`:(-]*(?:version\s*)?v?([<>=~]=?\s*)?([23]\.\d{1,2}(?:\.\d{1,2})?)\b(\+| or (?:higher|later|newer|above|greater))?",
    re.IGNORECASE,
)


def python(tree: Tree, root: str) -> list[tuple[str, str, str]]:
    """Return (constraint, basis, kind) for every place that names a Python version, the strongest first.

    The kind is `requires-python` if an installer enforces it, `mentioned` if a guide says it, else `preference`.
    """
    found: list[tuple[str, str, str]] = []
    for folder in dict.fromkeys([root, ""]):
        path = joined(folder, "pyproject.toml")
        data = toml(tree, path)
        project, poetry = table(data, "project"), table(table(table(data, "tool"), "poetry"), "dependencies")
        for value, key in ((project.get("requires-python"), "requires-python"), (poetry.get("python"), "python")):
            if isinstance(value, str) and value != "*":
                found.append((value, tree.line(path, key), "requires-python"))
        found += _locked(tree, folder) if not found else []
        found += _preferences(tree, folder)
    aside = [path for path in tree.files if path.startswith(".devcontainer/")]
    found += [
        (version, basis, "preference")
        for version, basis in [
            *named_pythons.by_images(tree),
            *_of_containers(tree, aside),
            *named_pythons.by_hosts(tree, root),
            *filter(None, [named_pythons.by_ci(tree)]),
        ]
    ]
    return found + [one for one in [_of_guide(tree)] if one]


def _of_containers(tree: Tree, paths: list[str]) -> list[tuple[str, str]]:
    """Return the Python of containers that editors make."""
    matches = [(path, re.search(r"devcontainers/python:(?:\d+-)?(\d\.\d+)", tree.text(path) or "")) for path in paths]
    return [(match[1], tree.line(path, match[0])) for path, match in matches if match]


def _of_guide(tree: Tree) -> tuple[str, str, str] | None:
    """Return the Python that a README asks for."""
    for path in [path for path in tree.files if re.fullmatch(r"readme[\w.-]*", path, re.IGNORECASE)][:2]:
        for number, line in enumerate((tree.text(path) or "").splitlines()[:500], 1):
            match = _ASKED.search(line[:300])
            if match:
                least = ">=" if match[3] and not match[1] else (match[1] or "").replace(" ", "")
                exact = not least and match[2].count(".") == 2
                return least + match[2], f"{path}:{number}", "preference" if exact else "mentioned"
    return None


def _locked(tree: Tree, folder: str) -> list[tuple[str, str, str]]:
    """Return the Python that a lock file was made for, which its installer insists on."""
    path = joined(folder, "uv.lock")
    match = re.search(r"(?m)^requires-python = \"([^\"]+)\"", (tree.text(path) or "")[:2000])
    if match:
        return [(match[1], tree.line(path, match[0]), "requires-python")]
    path = joined(folder, "Pipfile.lock")
    for key in ("python_version", "python_full_version"):
        match = re.search(rf'"requires": \{{[^}}]*"{key}": "(\d[\d.]*)"', (tree.text(path) or "")[:2000])
        if match:
            return [(match[1], tree.line(path, f'"{key}"'), "requires-python")]
    return []


def _preferences(tree: Tree, folder: str) -> list[tuple[str, str, str]]:
    found = []
    pipfile = joined(folder, "Pipfile")
    value = table(toml(tree, pipfile), "requires")
    version = value.get("python_full_version") or value.get("python_version")
    if isinstance(version, str):
        found.append((version, tree.line(pipfile, version), "preference"))
    for name in (".python-version", "runtime.txt"):
        path = joined(folder, name)
        match = re.search(r"(?im)^\s*(?:python-|cpython-)?(\d+(?:\.\d+)*)", tree.text(path) or "")
        if match:
            found.append((match[1], tree.line(path, match[1]), "preference"))
    return found + [(version, basis, "preference") for version, basis in named_pythons.by_tools(tree, folder)]


def django(tree: Tree, files: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the constraint on Django and its basis: from a dependency file if one has it, else from a lock."""
    readable = [path for path in files if not path.endswith(".lock")]
    for path in readable:
        for number, whole in enumerate((tree.text(path) or "").splitlines(), 1):
            line = whole[:1000]
            match = _DJANGO.match(line) or _INLINE.search(line) or _TABLE.match(line)
            if match and match[1].strip(" ,"):
                return match[1].strip(" ,"), f"{path}:{number}"
    for path in files:
        locked = _LOCKED.search(tree.text(path) or "")
        if locked:
            return f"=={locked[1] or locked[2]}", tree.line(path, locked[0].splitlines()[0])
    return None
