"""Whether a project is too old: made for Python 2 or Django 1."""

import re
from typing import Any

from dz.tasklib.detection.paths import beginning
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.tree import Tree

_OLD = re.compile(
    r"\bexecute_manager\b|^\s*(?:from|import) (?:urllib2|ConfigParser|StringIO|urlparse|cPickle)\b|\.iteritems\(\)|\bxrange\(",
    re.MULTILINE,
)
_GUARD = re.compile(r"except ImportError|\bsix\b|PY2|PY3|python_2_unicode")


def python2(tree: Tree, root: Root, version: str | None, django: str | None, *, implicit: bool = False) -> bool:
    """Say whether the project's own code needs Python 2.

    Args:
        implicit: the settings import from their own package without a dot.
    """
    if version and re.match(r"[=~<>^ ]*2\.", version):
        return True
    if django and re.match(r"[=~<]=\s*(?:0|1\.[0-4])(?:\.|$)", django):
        return True  # Django 1.5 was the first to run on Python 3
    if django and re.match(r"\W*(?:[2-9]|1\d)(?:\.|$)", django):
        return False
    inside = beginning(root.folder)
    old = 2 if implicit else 0
    for path in [p for p in tree.files if p.endswith(".py") and p.startswith(inside)][:400]:
        text = tree.text(path) or ""
        if (
            re.search(r"(?m)^\s*print\s+['\"\w]|^\s*except [\w.()]+, \w+:", text)
            and tree.module(path) is not None
            and path in tree.python2
        ):
            old += 2
        elif path == root.manage_py and "execute_manager" in text and "execute_from_command_line" not in text:
            old += 2  # Django 1.6 removed it
        elif _OLD.search(text) and not _GUARD.search(text):
            old += 1
    return old >= 2


def django1(version: str | None, settings: dict[str, Any]) -> bool:
    """Say whether the project is made for Django 1 or older."""
    numbers = re.findall(r"\d+(?:\.\d+)*", version or "")
    if numbers:
        return numbers[0].split(".")[0] in ("0", "1") and not re.match(r"\s*>=?\s*1[\d.]*\s*$", version or "")
    return "MIDDLEWARE_CLASSES" in settings and "MIDDLEWARE" not in settings
