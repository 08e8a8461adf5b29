"""The Python that files of tools, hosts, images and continuous integration name."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dz.tasklib.detection import documents
from dz.tasklib.detection.documents import table, toml
from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree

Named = tuple[str, str]
"""A version and its basis."""

_RELEASE = re.compile(r"[23]\.\d{1,2}(?:\.\d{1,2})?")
_IMAGE_FILE = re.compile(r"(?i)(^|/)(docker|container)file[\w.-]*$|\.(docker|container)file$")
_IMAGE = re.compile(
    r"(?im)^\s*(?:FROM\s+(?:--\S+\s+)*\S*?python:?(?:\d+-)?v?|ARG\s+PYTHON\w*=[\"']?(?:\S*python:)?)(\d\.\d+(?:\.\d+)?)"
)
_COMPACT = re.compile(r"(?im)^\s*FROM\s+(?:--\S+\s+)*\S*python-([23])(\d{1,2})\b")
_PYTHON_IMAGE = re.compile(r"(?:^|/)(?:\w+-)?python:(\d\.\d+(?:\.\d+)?)")
_INSTALLED = re.compile(
    r"(?:uv python install|pyenv install|(?:apt-get|apt) [^\n]{0,200}?install [^\n]{0,200}?\bpython)\s?(3\.\d{1,2}(?:\.\d{1,2})?)\b"
)
_OLDER = re.compile(r"dev|local|test", re.IGNORECASE)
_KEYS = ("python", "python_version", "versionspec", "nixpacks_python_version", "pythonversion", "uv_python")
_OF_HOSTS = (
    "render.yaml", "app.yaml", "nixpacks.toml", "railway.toml", "netlify.toml", "fly.toml", ".platform.app.yaml", "environment.yml",
    "environment.yaml", "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
)  # fmt: skip
_WRITTEN = re.compile(
    r"(?im)^\s*(?:- ?python\s*={1,2}\s*|type: ['\"]?python:)([23]\.\d{1,2}(?:\.\d{1,2})?)|^runtime: ['\"]?python([23])(\d{1,2})\b"
)
_MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml", ".config/mise/config.toml")  # fmt: skip


def by_tools(tree: Tree, folder: str) -> list[Named]:
    """Return what mise and asdf take in a folder."""
    found = []
    for path in (joined(folder, name) for name in _MISE):
        wanted: Any = table(toml(tree, path), "tools").get("python")
        wanted = wanted[0] if isinstance(wanted, list) and wanted else wanted
        wanted = wanted.get("version") if isinstance(wanted, dict) else wanted
        found += [(release, tree.line(path, release)) for release in _releases([str(wanted)])]
    path = joined(folder, ".tool-versions")
    match = re.search(r"(?m)^\s*python\s+(?:ref:)?v?([23](?:\.\d+)+)", tree.text(path) or "")
    return [*found, *([(match[1], tree.line(path, match[0].strip()))] if match else [])]


def by_images(tree: Tree) -> list[Named]:
    """Return what the files of container images begin with, those for development last."""
    files = sorted((p for p in tree.files if _IMAGE_FILE.search(p)), key=lambda path: bool(_OLDER.search(path)))
    found = []
    for path in files:
        text = tree.text(path) or ""
        match = _IMAGE.search(text) or _INSTALLED.search(text)
        compact = _COMPACT.search(text)
        if match:
            found.append((match[1], tree.line(path, match[0].strip().splitlines()[0])))
        elif compact:
            found.append((f"{compact[1]}.{compact[2]}", tree.line(path, compact[0].strip())))
    return found


def by_hosts(tree: Tree, root: str) -> list[Named]:
    """Return what the files of hosting platforms name: render.yaml, app.yaml, nixpacks.toml and their like."""
    found: list[Named] = []
    for folder in dict.fromkeys([root, ""]):
        for path in (joined(folder, name) for name in _OF_HOSTS):
            text = tree.text(path) or ""
            match = _WRITTEN.search(text)
            if match:
                version = match[1] or f"{match[2]}.{match[3]}"
                found.append((version, tree.line(path, match[0].strip())))
            elif path.endswith(".toml"):
                found += _of_pairs(tree, path, documents.walk(toml(tree, path)))
            else:
                pairs = (pair for document in documents.load(tree, path) for pair in documents.walk(document))
                found += _of_pairs(tree, path, pairs)
    return found


def by_ci(tree: Tree) -> Named | None:
    """Return the newest Python that continuous integration uses."""
    found: list[Named] = []
    for path in documents.ci_files(tree):
        for document in documents.load(tree, path):
            for keys, value in documents.walk(document):
                image = _PYTHON_IMAGE.search(str(value)) if "image" in keys or keys[-1:] == ("container",) else None
                found += [(image[1], tree.line(path, image[0]))] if image else []
                found += _of_pairs(tree, path, [(keys, value)])
    return max(found, key=lambda one: [int(part) for part in one[0].split(".")], default=None)


def _of_pairs(tree: Tree, path: str, pairs: Iterable[tuple[tuple[str, ...], Any]]) -> list[Named]:
    found = []
    for keys, value in pairs:
        key = keys[-1].lower().replace("-", "_") if keys else ""
        if key in _KEYS:
            found += [(one, tree.line(path, one)) for one in _releases(value if isinstance(value, list) else [value])]
        elif isinstance(value, list):  # a list of NAME=value, as compose takes it
            named = [str(one).partition("=") for one in value]
            words = [word for name, _, word in named if name.lower() in _KEYS]
            found += [(one, tree.line(path, one)) for one in _releases(words)]
    return found


def _releases(words: Iterable[Any]) -> Iterator[str]:
    """Return the versions among words, without the variant of an image that follows one."""
    for word in words:
        match = re.match(rf"(?:cpython-|python-?)?({_RELEASE.pattern})(?![\d.])", str(word).strip())
        if match:
            yield match[1]
