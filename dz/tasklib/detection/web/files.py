"""What configuration files say: gunicorn.conf.py, which is read and not run, uwsgi.ini, and nginx's own."""

import configparser
import re
from collections.abc import Mapping
from typing import Any

from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.web import shell
from dz.tasklib.detection.web.commands import for_others
from dz.tasklib.detection.web.evaluated import Unread, assignments
from dz.tasklib.detection.web.options import GUNICORN, Option

GUNICORN_FILE = "gunicorn.conf.py"
FUNCTIONS = (
    "on_starting",
    "on_reload",
    "when_ready",
    "pre_fork",
    "post_fork",
    "post_worker_init",
    "worker_int",
    "worker_abort",
    "pre_exec",
    "pre_request",
    "post_request",
    "child_exit",
    "worker_exit",
    "nworkers_changed",
    "on_exit",
    "ssl_context",
)
"""Names of functions that gunicorn would call."""
_SETTINGS = {*GUNICORN.keys, *GUNICORN.flags, *GUNICORN.ours, *GUNICORN.remarks, "worker_connections", "statsd_host"}
_SETTINGS |= {"statsd_prefix", "dogstatsd_tags", "logger_class", "logconfig", "logconfig_dict", "paste"}
_SIZE = re.compile(r"(?m)^\s*client_max_body_size\s+([0-9]+)([kKmMgG]?)\s*;")
_PATIENCE = re.compile(r"(?m)^\s*(?:proxy|uwsgi)_read_timeout\s+([0-9]+)(s|m|h|)\s*;")


def found(tree: Tree, folder: str, name: str) -> str | None:
    """Return the file of the repository that a start command means; in an image it may lie elsewhere."""
    own = name.removeprefix("file:").removeprefix("./")
    places = [joined(folder, own), own.lstrip("/")]
    same = [path for path in tree.named(own.rpartition("/")[2]) if not for_others(path)]
    return next((path for path in [*places, *same] if tree.has(path)), None)


def gunicorn(tree: Tree, path: str, known: Mapping[str, str]) -> list[Option]:
    """Return what a configuration file of gunicorn sets; an `Unread` is marked as a shell's unknown is."""
    module = tree.module(path)
    options = []
    for name, (value, line) in assignments(module, known).items() if module else ():
        basis = f"{path}:{line}"
        if name in FUNCTIONS:
            options.append(Option(f"the function {name}", "function", "", basis))
        elif name in _SETTINGS and value is not None and value is not False:
            options.append(Option(name, name, _text(value), basis))
    return options


def uwsgi(tree: Tree, path: str, known: Mapping[str, str]) -> list[Option]:
    """Return what a uwsgi.ini sets."""
    parser = configparser.RawConfigParser(
        strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";")
    )
    try:
        parser.read_string(tree.text(path) or "")
        pairs = parser.items("uwsgi") if parser.has_section("uwsgi") else []
    except configparser.Error:
        return []
    options = []
    for name, raw in pairs:
        value = re.sub(
            r"\$\((\w+)\)", lambda match: known.get(match[1], shell.marked(match[1])), (raw or "true").strip()
        )
        value = shell.marked("the number of processors") if "%k" in value else value
        if value.lower() not in {"false", "0", "no"}:
            options.append(Option(name, name.replace("-", "_"), value, tree.line(path, name)))
    return options


def nginx(tree: Tree) -> list[tuple[str, str, str]]:
    """Return key, value and basis of what configuration files of nginx say about bodies and patience."""
    answers = []
    for path in tree.files:
        if (
            "nginx" not in path.lower()
            or for_others(path)
            or not re.search(r"\.(conf|template|sigil|erb|j2|tmpl)$|nginx[\w.-]*$", path)
        ):
            continue
        text = tree.text(path) or ""
        if match := _SIZE.search(text):
            unit = {"k": 1 / 1024, "": 1 / 1024**2, "m": 1, "g": 1024}[match[2].lower()]
            size = int(match[1]) * unit
            answers.append(
                (
                    "request_body_mb",
                    str(max(1, min(10_240, -int(-size // 1)))) if size else "10240",
                    _at(path, text, match),
                )
            )
        if match := _PATIENCE.search(text):
            answers.append(
                ("timeout", str(int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]), _at(path, text, match))
            )
    return answers


def _at(path: str, text: str, match: re.Match[str]) -> str:
    return f"{path}:{text.count(chr(10), 0, match.start(1)) + 1}"


def _text(value: Any) -> str:
    return shell.marked(value.reason) if isinstance(value, Unread) else "" if value is True else str(value)
