"""Background processes: celery, other workers, Procfile."""

import re
from collections.abc import Mapping
from typing import Any

from dz.tasklib.detection import documents
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.paths import beginning, joined
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.tree import Tree

_FLAG = re.compile(r"celery[^\n|&;]{0,300}?(?:-A|--app)[ =\"',]+([A-Za-z_][\w.:]*)")
_WORKER = re.compile(
    r"celery[^\n|&;]{0,300}?\b(worker|beat|flower)\b|manage\.py\s+(rqworker|qcluster|run_huey|rundramatiq|process_tasks|runworker|db_worker)"
)

_OF_PACKAGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("celery beat", "django_celery_beat", ("CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")),
    ("qcluster", "django_q", ("Q_CLUSTER",)),
    ("run_huey", "huey", ("HUEY",)),
    ("rqworker", "django_rq", ("RQ_QUEUES",)),
    ("rundramatiq", "django_dramatiq", ("DRAMATIQ_BROKER",)),
    ("process_tasks", "background_task", ()),
    ("runapscheduler", "django_apscheduler", ()),
    ("cron", "django_crontab", ("CRONJOBS",)),
    ("cron", "django_cron", ("CRON_CLASSES",)),
)
"""A background process, the app that brings it along, and the settings that only it reads."""
_SCHEDULE = re.compile(
    r"(?m)^.*\b(beat_schedule\b\s*[=(]|add_periodic_task\(|@(?:\w+\.)?periodic_task\b|beat_schedule\.update)"
)
_CRONTAB = re.compile(r"(^|/)(crontab(\.\w+)?|cron\.ya?ml|cron\.d/[^/]+|[\w-]+\.(cron|crontab))$")


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


def workers(tree: Tree) -> list[tuple[str, str]]:
    """Return the background processes that start commands name, with their basis."""
    found: dict[str, str] = {}
    for path in _commands(tree):
        for match in _WORKER.finditer(documents.text(tree, path)):
            name = f"celery {match[1]}" if match[1] else match[2]
            if name not in found:
                found[name] = tree.line(path, match[0].rsplit(maxsplit=1)[-1])
    return list(found.items())


def unnamed(
    tree: Tree, root: Root, settings: Mapping[str, Any], bases: Mapping[str, str], own: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the background processes that settings and code ask for, whether or not a start command names them.

    Args:
        settings: what the production settings say.
        bases: where each setting stands.
        own: the celery applications of the project, with their basis.
    """
    apps = settings.get("INSTALLED_APPS")
    names = {str(app).split(".")[0]: str(app) for app in apps} if isinstance(apps, list | tuple) else {}
    found = [("celery worker", own[0][1])] if own else []
    where = bases.get("INSTALLED_APPS", f"{root.basis}")
    for process, app, setting in _OF_PACKAGES:
        if app in names or any(setting and name in settings for name in setting):
            told = next((bases[name] for name in setting if name in bases), where)
            found += [(process, told)] if process != "celery beat" or own else []
    found += [("celery beat", basis) for basis in (_schedules(tree, root) if own else [])[:1]]
    found += [("cron", basis) for basis in _crontabs(tree)[:1]]
    return list({name: (name, basis) for name, basis in reversed(found)}.values())[::-1]


def _schedules(tree: Tree, root: Root) -> list[str]:
    """Return where the code of the project gives celery a schedule."""
    inside = beginning(root.folder)
    files = [
        path for path in tree.files if path.startswith(inside) and re.search(r"(celery\w*|tasks?|__init__)\.py$", path)
    ]
    found = [(path, _SCHEDULE.search(tree.text(path) or "")) for path in files]
    return [tree.line(path, match[0].splitlines()[0]) for path, match in found if match]


def _crontabs(tree: Tree) -> list[str]:
    """Return the files that tell cron, or the cron of a host, what to run."""
    found = [f"{path}:1" for path in tree.files if _CRONTAB.search(path)]
    for path in [
        path
        for path in tree.files
        if re.search(r"(^|/)(render\.yaml|vercel\.json|app\.json|railway\.(toml|json))$", path)
    ]:
        match = re.search(r"""type: ['"]?cron\b|"crons?"\s*:|cronSchedule""", tree.text(path) or "")
        found += [tree.line(path, match[0])] if match else []
    return found


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
