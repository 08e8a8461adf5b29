"""Background processes: celery, other workers, Procfile."""

import re

from dz.tasklib.detection import documents
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.paths import beginning, joined
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.tree import Tree

_FLAG = re.compile(r"celery[^\n|&;]{0,300}?(?:-A|--app)[ =\"',]+([A-Za-z_][\w.:]*)")
_WORKER = re.compile(
    r"celery[^\n|&;]{0,300}?\b(worker|beat|flower)\b|manage\.py\s+(rqworker|qcluster|run_huey|rundramatiq|process_tasks|runworker|db_worker)"
)


def celery(tree: Tree, root: Root, modules: Modules) -> list[tuple[str, str]]:
    """Return the possible values of celery's -A, with their basis, the likeliest first."""
    found: list[tuple[str, str]] = []
    inside = beginning(root.folder)
    for path in tree.files:
        if not path.startswith(inside) or not path.endswith(".py") or re.search(r"(^|/)(tests?|docs)/|test_", path):
            continue
        text = tree.text(path) or ""
        if "Celery(" not in text:
            continue
        match = re.search(r"(?m)^\s*\w+\s*(?::[^=\n]+)?=\s*(?:celery\.)?Celery\(", text)
        module = modules.name(path) if match and "celery" in text else None
        if module:
            value = module.rpartition(".")[0] if module.endswith((".celery", ".celery_app")) else module
            found.append((value or module, tree.line(path, "Celery(")))
    return found


def named_by_commands(tree: Tree, own: list[tuple[str, str]]) -> str | None:
    """Return the value of -A in a start command, if it means one of the project's own celery modules."""
    for path in _commands(tree):
        match = _FLAG.search(documents.text(tree, path))
        if match and any(value.startswith(match[1].split(":")[0]) or match[1].startswith(value) for value, _ in own):
            return match[1]
    return None


def workers(tree: Tree) -> tuple[str, ...]:
    """Return the background processes that start commands name."""
    found = [
        f"celery {match[1]}" if match[1] else match[2]
        for path in _commands(tree)
        for match in _WORKER.finditer(documents.text(tree, path))
    ]
    return tuple(dict.fromkeys(found))


def _commands(tree: Tree) -> list[str]:
    return [
        p
        for p in tree.files
        if re.search(
            r"Procfile|ompose[\w.-]*\.ya?ml$|\.sh$|supervisor|start-|Dockerfile|\.service$|render\.yaml|(^|/)run$", p
        )
    ]


def procfile(tree: Tree, root: Root) -> bool:
    """Say whether there is a Procfile at the root of the repository or of the project."""
    return tree.has("Procfile") or tree.has(joined(root.folder, "Procfile"))
