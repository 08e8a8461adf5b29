"""uv's workspaces: several packages of one repository that share a lock file."""

import re
from dataclasses import dataclass

from dz.tasklib.detection.documents import table, toml
from dz.tasklib.detection.paths import beginning, folder_of, joined, parents
from dz.tasklib.detection.tree import Tree


@dataclass(frozen=True)
class Workspace:
    """A workspace; folders are relative, "" is the root of the tree.

    Args:
        folder: where its lock file belongs.
        members: the folders of its packages, its own included.
    """

    folder: str
    members: tuple[str, ...]


def of(tree: Tree, folder: str) -> Workspace | None:
    """Return the workspace that the package in `folder` belongs to.

    Source: docs.astral.sh/uv/concepts/projects/workspaces: members and excludes are globs of folders.
    """
    for above in (folder, *parents(joined(folder, "pyproject.toml"))[1:], ""):
        declared = table(table(toml(tree, joined(above, "pyproject.toml")), "tool"), "uv").get("workspace")
        if isinstance(declared, dict):
            found = Workspace(above, _members(tree, above, declared))
            return found if folder in found.members else None
    return None


def _members(tree: Tree, folder: str, declared: dict[str, object]) -> tuple[str, ...]:
    start = beginning(folder)
    wanted, unwanted = _globs(declared.get("members")), _globs(declared.get("exclude"))
    below = [
        path[len(start) :] for path in map(folder_of, tree.named("pyproject.toml")) if path.startswith(start) and path != folder
    ]  # fmt: skip
    found = [name for name in below if _matches(wanted, name) and not _matches(unwanted, name)]
    return (folder, *(joined(folder, name) for name in found))


def _globs(value: object) -> list[re.Pattern[str]]:
    globs = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return [re.compile(_pattern(joined(*one.split("/")))) for one in globs]


def _pattern(glob: str) -> str:
    """Return the expression of a glob: `*` and `?` stay inside a folder, `**` does not."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        words.get(word, word.replace("[!", "[^") if len(word) > 1 else re.escape(word))
        for word in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]\\]+\]|.", glob)
    )


def _matches(patterns: list[re.Pattern[str]], name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns)
