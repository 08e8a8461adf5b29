"""YAML and TOML files: compose, CI, render.yaml, pyproject.toml and the like."""

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from dz.tasklib.detection.tree import Tree

COST = 4
"""How much longer a character of YAML takes than one of Python; compose files and workflows are small anyway."""
MAX_NODES = 20_000
MAX_KEYS = 2_000
MAX_DEPTH = 20
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMANDS = ("command", "entrypoint", "args", "test")


class _Loader(_BASE):  # type: ignore[misc]
    """Reads every tag as plain data, and refuses mappings that merging makes very large."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MAX_KEYS:
            raise yaml.YAMLError


def _plain(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _plain)


def is_yaml(path: str) -> bool:
    """Say whether a file has the name of a YAML file."""
    return path.endswith((".yml", ".yaml"))


def load(tree: Tree, path: str) -> list[Any]:
    """Return the documents of a YAML file; none if it is broken, missing or very large."""
    text = tree.text(path) or ""
    if not tree.may_parse(len(text) * COST):
        return []
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError, AttributeError):
        return []


def walk(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (keys on the way, value) for every scalar and every list of scalars, up to a limit.

    What is written as `{key: NAME, value: x}` or `{name: NAME, value: x}` comes as the value of NAME, too.
    """
    waiting: list[tuple[int, tuple[str, ...], Any]] = [(0, (), value)]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        depth, keys, item = waiting.pop()
        nested = isinstance(item, dict) or (
            isinstance(item, list) and any(isinstance(one, dict | list) for one in item)
        )
        if not nested:
            yield keys, item
        elif depth < MAX_DEPTH and isinstance(item, dict):
            pair = _pair(item)
            if pair:
                yield (*keys, pair[0]), pair[1]
            waiting += [(depth + 1, (*keys, str(key)), one) for key, one in reversed(item.items())]
        elif depth < MAX_DEPTH:
            waiting += [(depth + 1, keys, one) for one in reversed(item)]


def _pair(item: dict[Any, Any]) -> tuple[str, Any] | None:
    """Return the name and the value of a variable that is written as a mapping of the two."""
    name = item.get("key", item.get("name"))
    value = item.get("value")
    return (name, value) if isinstance(name, str) and isinstance(value, str | int | float) else None


def text(tree: Tree, path: str, leave_out: Callable[[tuple[str, ...]], bool] | None = None) -> str:
    """Return the lines of a file; of YAML, `key: value` without comments, and a command given as a list as one line.

    Args:
        leave_out: says of the keys on the way to a value of YAML that it is not wanted.
    """
    if not is_yaml(path):
        return tree.text(path) or ""
    if leave_out:
        return _lines(tree, path, leave_out)
    if path not in tree.documents:
        tree.documents[path] = _lines(tree, path, lambda _: False)
    return tree.documents[path]


def _lines(tree: Tree, path: str, leave_out: Callable[[tuple[str, ...]], bool]) -> str:
    lines: list[str] = []
    read = load(tree, path)
    for document in read:
        for keys, value in walk(document):
            if leave_out(keys):
                continue
            if not isinstance(value, list):
                lines.append(f"{keys[-1] if keys else ''}: {value}")
            elif keys and keys[-1] in _COMMANDS:
                lines.append(" ".join(map(str, value)))
            else:
                lines += map(str, value)
    return "\n".join(lines) if read else re.sub(r"(?m)(^|\s)#.*$", "", tree.text(path) or "")


def ci_files(tree: Tree) -> list[str]:
    """Return the files that describe continuous integration."""
    named = {".travis.yml", ".gitlab-ci.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".circleci/config.yml",
             ".drone.yml", ".woodpecker.yml", ".appveyor.yml", "appveyor.yml"}  # fmt: skip
    return [path for path in tree.files if path in named or (path.startswith(".github/workflows/") and is_yaml(path))]


def toml(tree: Tree, path: str) -> dict[str, Any]:
    """Return the contents of a TOML file; a broken or missing one is empty."""
    try:
        return tomllib.loads(tree.text(path) or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def table(data: Any, key: str) -> dict[str, Any]:
    """Return a table inside a table; anything else in its place counts as empty."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}
