"""WSGI and ASGI applications."""

import re
from typing import Any

from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.tree import Tree

_ATTRIBUTE = re.compile(r"(?m)^\s*(application|app|django_app|asgi_application|wsgi_application)\s*(?::[^=\n]+)?=")


_STARTS = re.compile(
    r"(?:gunicorn|uwsgi|daphne|uvicorn|granian|waitress-serve|wsgi_app|module)\b[^\n;&|]{0,200}?[\s=\"'(]([a-zA-Z_][\w.-]*\.\w+)(?::\w+)?(?=[\s\"'\])]|$)"
)
_SCRIPTS = re.compile(
    r"Procfile|ompose[\w.-]*\.ya?ml$|\.sh$|supervisor|Dockerfile|\.service$|render\.yaml|fly\.toml|gunicorn|uwsgi|wsgi/"
)
_FOR_OTHERS = re.compile(r"(dev|local|test|ci)\b|node_modules")


def started(tree: Tree) -> set[str]:
    """Return the modules that are named by start commands for production."""
    asked = [p for p in tree.files if _SCRIPTS.search(p) and not _FOR_OTHERS.search(p.replace("_", " "))]
    return {match[1] for path in asked[:200] for match in _STARTS.finditer(tree.text(path) or "")}


def find(tree: Tree, root: Root, modules: Modules, kind: str, package: str) -> list[tuple[str, str]]:
    """Return (module:attribute, basis) of the entry points of a kind, the likeliest first.

    Args:
        kind: wsgi or asgi.
        package: the package of the settings module; its own entry point is preferred.
    """
    found = []
    commands = started(tree)
    for path in tree.files:
        name = path.rsplit("/", 1)[-1]
        inside = path.startswith(f"{root.folder}/") or not root.folder
        if not inside or not re.search(rf"(^|/)(\w*{kind}\w*\.py|{kind}/\w+\.py)$", path):
            continue
        text = tree.text(path) or ""
        if not re.search(
            rf"get_{kind}_application|{kind.upper()}Handler|ProtocolTypeRouter|get_default_application|get_application",
            text,
        ):
            continue
        made = list(_ATTRIBUTE.finditer(text))
        attribute = next((match for match in made if match[1] == "application"), made[0] if made else None)
        module = modules.name(path)
        if module and attribute:
            line = text.count("\n", 0, attribute.start(1)) + 1
            exact = name == f"{kind}.py"
            aside = bool(re.search(r"(^|/|_)(tests?|dev|local|examples?)(/|_|\.)", path))
            rank = (
                aside,
                module not in commands,
                not exact,
                module.split(".")[0] != package,
                module.count("."),
                module,
            )
            found.append((rank, f"{module}:{attribute[1]}", f"{path}:{line}"))
    return [(value, basis) for _, value, basis in sorted(found)]


def named_by_settings(tree: Tree, modules: Modules, value: Any, made: str) -> list[tuple[str, str]]:
    """Return the entry point that WSGI_APPLICATION or ASGI_APPLICATION names, if its module really makes one.

    Args:
        made: the name of the function or class that makes it.
    """
    module, _, attribute = str(value).rpartition(".")
    path = modules.path(module) if module else None
    if path is None or f"{made}(" not in (tree.text(path) or ""):
        return []
    return [(f"{module}:{attribute}", tree.line(path, f"{made}("))]


def is_whole(tree: Tree, routers: list[tuple[str, str]], found: list[tuple[str, str]]) -> bool:
    """Say whether a router of channels serves pages, too, and `asgi.py` does not hand anything to it.

    Args:
        routers: the router that ASGI_APPLICATION names, if any.
        found: the other entry points, the likeliest first.
    """
    pages = any(re.search(r"['\"]http['\"]\s*:", tree.text(basis.rpartition(":")[0]) or "") for _, basis in routers)
    text = tree.text(found[0][1].rpartition(":")[0]) or "" if found else ""
    return pages and not re.search(r"get_default_application|ProtocolTypeRouter|socketio", text)


def asgi_needed(tree: Tree, asgi: str | None, basis: str | None, wsgi: str | None, apps: list[object]) -> bool:
    """Say whether WSGI is not enough: websockets, or no WSGI module at all."""
    if asgi is None or basis is None:
        return False
    text = re.sub(r"#.*", "", tree.text(basis.rsplit(":", 1)[0]) or "")
    sockets = ("ProtocolTypeRouter" in text and "websocket" in text) or "channels.routing import get_def" in text
    sockets = sockets or "socketio.ASGIApp(" in text
    return wsgi is None or sockets or ("channels" in apps and "URLRouter" in text)
