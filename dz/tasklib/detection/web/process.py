"""Puts together what the owner wrote about the web process, in the order in which the server itself would take it."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.web import commands, environment, files, options, shell
from dz.tasklib.detection.web.commands import Command
from dz.tasklib.detection.web.options import GUNICORN, UWSGI, Option, Server

ARGUMENTS = "GUNICORN_CMD_ARGS"
CONCURRENCY = "WEB_CONCURRENCY"
_BYTES = {"request_body_mb"}


@dataclass(frozen=True)
class Web:
    """What is taken over of the owner's web process.

    Args:
        values: key of `zoombuild.cfg`, its value as text, and the `file:line` that it was read from.
        warnings: what is not taken over, and what does it instead.
    """

    values: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def find(tree: Tree, folder: str, given: Mapping[str, str]) -> Web:
    """Return what is taken over of a project's web process.

    Args:
        folder: the project's root.
        given: variables that the owner has set on this platform; they count more than those of the repository.
    """
    read = environment.variables(tree)
    bases = {name: basis for name, (_, basis) in read.items()} | dict.fromkeys(given, "the project's variables")
    known = {name: value for name, (value, _) in read.items()} | dict(given)
    command = commands.find(tree, folder, known)
    server, found = _found(tree, folder, command, known, bases)
    values: dict[str, tuple[str, str]] = {key: (value, basis) for key, value, basis in reversed(files.nginx(tree))}
    warnings: list[str] = []
    ours: dict[str, list[str]] = {}
    for option in found:
        key, value = _translated(server, option)
        unknown = shell.unknown(option.value)
        if key and not unknown and value:
            values[key] = (value, option.basis)
        elif option.meaning in server.ours or _is_here(tree, folder, option):
            ours.setdefault(option.basis, []).append(option.name)
        elif option.meaning not in {"config", "ini", "reload"}:
            warnings.append(f"{option.basis}: {option.name} is not taken over: {_remedy(server, option, key)}.")
    for basis, names in ours.items():
        warnings.append(f"{basis}: DjangoZoom itself sees to {', '.join(dict.fromkeys(names))}.")
    if command and _is_asgi(command, server):
        values["use_asgi"] = ("true", command.basis)
    return Web(tuple((key, *value) for key, value in values.items()), tuple(dict.fromkeys(warnings)))


def _found(
    tree: Tree, folder: str, command: Command | None, known: Mapping[str, str], bases: Mapping[str, str]
) -> tuple[Server, list[Option]]:
    """Return the server, and its options from the least to the most important."""
    variables = command.variables if command else known
    server = options.SERVERS[command.server] if command else _unnamed(tree, folder, known)
    written = list(options.read(server, command.words, command.basis)) if command else []
    if server is UWSGI:
        names = [option.value for option in written if option.meaning == "ini"]
        names += [word for word in (command.words if command else ["uwsgi.ini"]) if word.endswith(".ini")]
        paths = dict.fromkeys(path for name in names if (path := files.found(tree, folder, name)))
        return server, [*(option for path in paths for option in files.uwsgi(tree, path, variables)), *written]
    first = []
    if server in (GUNICORN, options.UVICORN):
        first = _concurrency(variables, bases, command)
    if server is not GUNICORN:
        return server, [*first, *written]
    added = list(options.read(server, _split(variables.get(ARGUMENTS, "")), bases.get(ARGUMENTS, ARGUMENTS)))
    named = [option.value for option in [*added, *written] if option.meaning == "config"]
    path = files.found(tree, folder, named[-1] if named else files.GUNICORN_FILE)
    return server, [*first, *(files.gunicorn(tree, path, variables) if path else []), *added, *written]


def _unnamed(tree: Tree, folder: str, known: Mapping[str, str]) -> Server:
    """Return the server that a repository without a start command is made for."""
    if (
        files.found(tree, folder, files.GUNICORN_FILE)
        or ARGUMENTS in known
        or not files.found(tree, folder, "uwsgi.ini")
    ):
        return GUNICORN
    return UWSGI


def _concurrency(variables: Mapping[str, str], bases: Mapping[str, str], command: Command | None) -> list[Option]:
    value = variables.get(CONCURRENCY, "")
    basis = bases.get(CONCURRENCY) or (command.basis if command else CONCURRENCY)
    return [Option(CONCURRENCY, "workers", value, basis)] if value else []


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _translated(server: Server, option: Option) -> tuple[str | None, str]:
    """Return the key that an option becomes and its value as text; "" where its value has no counterpart."""
    key, value = server.keys.get(option.meaning), option.value.strip()
    if key == "worker_class" and server is UWSGI:
        return key, "gevent"
    if key == "worker_class":
        return _worker_class(value)
    if key == "preload":
        return key, "false"
    if key is None:
        return None, ""
    if not value.replace(".", "", 1).isdigit():
        return key, ""
    number = int(float(value))
    if key in _BYTES:
        number = -(-number // 1024**2)
    if option.meaning == "buffer_size":
        number = min(number, 32_768) if number > 8190 else 8190
    return key, str(number)


def _worker_class(value: str) -> tuple[str | None, str]:
    name = value.rpartition(".")[2].lower()
    if "uvicorn" in name or "asgi" in name:
        return "use_asgi", "true"
    known = {"sync": "sync", "syncworker": "sync", "gthread": "gthread", "threadworker": "gthread"}
    return "worker_class", "gevent" if "gevent" in name else known.get(name, "")


def _remedy(server: Server, option: Option, key: str | None) -> str:
    unknown = shell.unknown(option.value)
    if key and unknown:
        return f"it depends on {unknown}; set {key} in zoombuild.cfg"
    if key:
        return f"{key} in zoombuild.cfg does it, and cannot be {option.value or 'empty'!r}"
    if option.meaning == "function":
        return "call what it does in the ready() of an AppConfig"
    return server.remarks.get(option.meaning, options.NOTHING)


def _is_here(tree: Tree, folder: str, option: Option) -> bool:
    """Say whether an option names the folder in which the project runs anyway."""
    if option.meaning not in {"chdir", "chdir2", "pythonpath", "pp", "python_path", "app_dir"}:
        return False
    named = option.value.strip("./")
    if named == folder.strip("./"):
        return True
    in_repository = tree.has_folder(named) and named
    return option.value.startswith("/") and not in_repository and (not folder or named.endswith(folder))


def _is_asgi(command: Command, server: Server) -> bool:
    if server is options.GRANIAN:
        return any(word.startswith("asgi") or word.endswith(("=asgi", "=asginl")) for word in command.words)
    return server.asgi and "wsgi" not in [word.rpartition("=")[2] for word in command.words]


def streams(tree: Tree, folder: str) -> str | None:
    """Return the `file:line` of the first answer that is sent bit by bit, if the project's own code has one."""
    for path in _code(tree, folder):
        text = tree.text(path) or ""
        for sign in ("text/event-stream", "EventSourceResponse", "StreamingHttpResponse(", "django_eventstream"):
            if sign in text:
                return tree.line(path, sign)
    return None


def _code(tree: Tree, folder: str) -> Iterator[str]:
    for path in tree.files:
        if path.endswith(".py") and path.startswith(folder) and not commands.for_others(path):
            yield path
