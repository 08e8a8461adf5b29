"""What git leaves out of a repository by its .gitignore files."""

import functools
import re

from dz.tasklib.detection.paths import joined, parents
from dz.tasklib.detection.tree import Tree

_MOST = 500
"""Lines of one file that are read."""


def ignored(tree: Tree, path: str) -> bool:
    """Say whether git would not add a file of this path, as `git check-ignore` does."""
    whole = [*reversed(parents(path)), path]
    return any(_matched(tree, one, is_folder=one != path) for one in whole)


def _matched(tree: Tree, path: str, *, is_folder: bool) -> bool:
    """Say whether the last pattern that matches a path, of all files above it, leaves it out."""
    out = False
    for folder in ["", *reversed(parents(path))]:
        inside = path[len(folder) :].lstrip("/")
        for line in (tree.text(joined(folder, ".gitignore")) or "").splitlines()[:_MOST]:
            pattern = line.rstrip()
            wanted = pattern.startswith("!")
            body = pattern.removeprefix("!")
            if not body or body.startswith("#") or (body.endswith("/") and not is_folder):
                continue
            if _expression(body.rstrip("/")).fullmatch(inside):
                out = not wanted
    return out


@functools.cache
def _expression(glob: str) -> re.Pattern[str]:
    """Return the expression of a pattern; one without a slash inside matches in every folder below."""
    anchored = "/" in glob
    words = {"**/": "(?:[^/]+/)*", "/**": "(?:/.*)", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|/\*\*$|\*|\?|\[[^\]\\]+\]|.", glob.lstrip("/")[:200])
    text = "".join(words.get(part, part.replace("[!", "[^") if len(part) > 1 else re.escape(part)) for part in parts)
    try:
        return re.compile(text if anchored else f"(?:.*/)?{text}")
    except re.error:
        return re.compile(r"(?!)")
