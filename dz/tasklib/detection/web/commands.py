"""The command that starts the web process in production, wherever the repository says it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dz.tasklib.detection import documents
from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.web import shell
from dz.tasklib.detection.web.options import SERVERS

_NO_SERVER = {
    *(
        "echo",
        "printf",
        "pip",
        "pip3",
        "apt",
        "apt-get",
        "apk",
        "which",
        "type",
        "pkill",
        "killall",
        "grep",
        "alias",
        "cp",
    ),
    *(
        "mv",
        "ls",
        "cat",
        "mkdir",
        "chmod",
        "chown",
        "rm",
        "test",
        "[",
        "[[",
        "touch",
        "ln",
        "sleep",
        "systemctl",
        "service",
    ),
    *("supervisorctl", "kill", "useradd", "adduser", "docker", "docker-compose", "git", "tail", "sed"),
}
"""Commands that may name a server without starting it."""
_SHELLS = {"sh", "bash", "ash", "dash", "zsh"}
_FOR_OTHERS = re.compile(
    r"(^|[^a-z])(dev|develop|development|local|tests?|testing|ci|debug|examples?|docs)([^a-z]|$)|node_modules",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"\.(ba)?sh$|(^|/)[\w.-]*(start|entrypoint|run|serve|launch)[\w-]*$")
_COST = 4
"""How much longer a character of a script takes than one of Python."""


@dataclass(frozen=True)
class Command:
    """A command that starts a web server.

    Args:
        server: its program, such as `gunicorn`.
        words: what follows that.
        variables: the environment, as far as it is known.
        basis: `file:line`.
    """

    server: str
    words: list[str]
    variables: dict[str, str]
    basis: str


def for_others(path: str) -> bool:
    """Say whether a file is for development, tests or CI and not for a deploy."""
    return bool(_FOR_OTHERS.search(path))


def find(tree: Tree, folder: str, known: Mapping[str, str]) -> Command | None:
    """Return the command that starts the web process, from the likeliest file that has one.

    Args:
        folder: the project's root.
        known: variables whose values are known.
    """
    seen: set[str] = set()
    for path, line, text in _sources(tree, folder):
        for command in started(tree, text, known, path=path, line=line, seen=seen):
            if "--reload" not in command.words:
                return command
    return None


def started(
    tree: Tree,
    text: str,
    known: Mapping[str, str],
    *,
    path: str,
    line: int | None = None,
    seen: set[str],
) -> Iterator[Command]:
    """Yield the servers that a script or a line of it starts, also through other scripts of the repository.

    Args:
        line: of the file, where `text` is one line of it.
        seen: scripts that were read already; each is read once.
    """
    if not tree.may_parse(len(text) * _COST):
        return
    for number, variables, words in shell.commands(text, known):
        basis = f"{path}:{line or number}"
        place = next((at for at, word in enumerate(words) if _program(word) in SERVERS), None)
        if words[0] in _NO_SERVER or "install" in words[:place] or "add" in words[:place]:
            continue
        if place is not None:
            own = dict(pair.split("=", 1) for pair in words[:place] if re.match(r"[A-Za-z_]\w*=", pair))
            yield Command(_program(words[place]), words[place + 1 :], {**variables, **own}, basis)
        else:
            yield from _inside(tree, words, variables, basis, path, seen)


def _inside(
    tree: Tree, words: list[str], variables: dict[str, str], basis: str, path: str, seen: set[str]
) -> Iterator[Command]:
    """Yield the servers that a shell's text or a script starts."""
    at = next((number for number, word in enumerate(words) if _program(word) in _SHELLS), None)
    rest = words[at + 1 :] if at is not None else words
    option = next((word for word in rest if word.startswith("-")), "")
    if at is not None and option and "c" in option:
        text = " ".join(rest[rest.index(option) + 1 :][:1])
        yield from started(tree, text, variables, path=path, line=int(basis.rpartition(":")[2]), seen=seen)
        return
    for word in rest[:6]:
        script = _script(tree, word, path)
        if script and script not in seen:
            seen.add(script)
            yield from started(tree, tree.text(script) or "", variables, path=script, seen=seen)
            return


def _program(word: str) -> str:
    return word.rpartition("/")[2]


def _script(tree: Tree, word: str, path: str) -> str | None:
    """Return the file of the repository that a word means; in an image it may lie elsewhere."""
    name = _program(word)
    if not re.search(r"[/.]", word) or not name or word.startswith("-"):
        return None
    found = [
        one for one in tree.named(name) if not for_others(one) and not one.endswith((".py", ".toml", ".ini", ".yml"))
    ]
    beside = path.rpartition("/")[0]
    found.sort(
        key=lambda one: (
            one != joined("", word.lstrip("./")),
            "prod" not in one,
            not one.startswith(beside),
            one.count("/"),
        )
    )
    return found[0] if found else None


def _sources(tree: Tree, folder: str) -> Iterator[tuple[str, int | None, str]]:
    """Yield path, line and text of what may start the web process, the likeliest first."""
    for path in dict.fromkeys([joined(folder, "Procfile"), "Procfile"]):
        yield from _procfile(tree, path)
    files = [path for path in tree.files if not for_others(path)]
    for path in files:
        yield from _platform(tree, path)
    for path in sorted((p for p in files if is_dockerfile(p)), key=_likelihood):
        yield from _dockerfile(tree, path)
    for path in sorted((p for p in files if is_compose(p)), key=_likelihood):
        yield from _compose(tree, path)
    for path in (p for p in files if p.endswith((".service", ".conf"))):
        yield from _unit(tree, path)
    for path in sorted((p for p in files if _SCRIPT.search(p)), key=_likelihood):
        if _names_server(tree, path):
            yield path, None, tree.text(path) or ""


def _names_server(tree: Tree, path: str) -> bool:
    """Say whether a file names a server, or a script that may start one; only then is it worth the reading."""
    text = tree.text(path) or ""
    return any(server in text for server in SERVERS) or bool(
        re.search(r"(command|entrypoint):.*(start|run|serve|\.sh)", text)
    )


def _procfile(tree: Tree, path: str) -> Iterator[tuple[str, int | None, str]]:
    for number, line in enumerate((tree.text(path) or "").splitlines(), 1):
        if line.startswith("web:"):
            yield path, number, line.removeprefix("web:")


def _unit(tree: Tree, path: str) -> Iterator[tuple[str, int | None, str]]:
    """Yield what a unit of systemd or a program of supervisord starts."""
    for number, line in enumerate((tree.text(path) or "").splitlines(), 1):
        if match := re.match(r"\s*(?:ExecStart|command)\s*=\s*(.+)", line):
            yield path, number, match[1]


def _likelihood(path: str) -> tuple[bool, int, str]:
    return "prod" not in path.lower(), path.count("/"), path


def is_dockerfile(path: str) -> bool:
    """Say whether a file has the name of a Dockerfile."""
    name = path.rpartition("/")[2].lower()
    return name.startswith(("dockerfile", "containerfile")) or name.endswith(".dockerfile")


def is_compose(path: str) -> bool:
    """Say whether a file has the name of a compose file."""
    return bool(re.search(r"(^|/)(docker-)?compose[\w.-]*\.ya?ml$|(^|/)(production|prod)\.ya?ml$", path))


def _platform(tree: Tree, path: str) -> Iterator[tuple[str, int | None, str]]:
    """Yield what the files of hosting platforms start."""
    name = path.rpartition("/")[2]
    if name in {"render.yaml", "heroku.yml", "app.yaml", "zeabur.yaml"}:
        for document in documents.load(tree, path):
            for keys, value in documents.walk(document):
                if keys and (keys[-1] in {"startCommand", "run_command", "entrypoint"} or keys == ("run", "web")):
                    yield path, _line(tree, path, str(value)), _words(value)
    elif name in {"fly.toml", "railway.toml", "nixpacks.toml"}:
        data = documents.toml(tree, path)
        processes = documents.table(data, "processes")
        for value in (
            processes.get("web"),
            processes.get("app"),
            documents.table(data, "deploy").get("startCommand"),
            documents.table(data, "start").get("cmd"),
        ):
            if isinstance(value, str):
                yield path, _line(tree, path, value), value
    elif name == "railway.json":
        value = documents.table(_json(tree, path), "deploy").get("startCommand")
        if isinstance(value, str):
            yield path, _line(tree, path, value), value


def _dockerfile(tree: Tree, path: str) -> Iterator[tuple[str, int | None, str]]:
    """Yield what an image starts: its CMD, after its ENTRYPOINT if that is the server itself."""
    last: dict[str, tuple[int, str]] = {}
    text = re.sub(r"\\[ \t]*\n", lambda match: "  ", tree.text(path) or "")
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\s*(CMD|ENTRYPOINT)\s+(.+)", line, re.IGNORECASE)
        if match:
            last[match[1].upper()] = (number, _words(_list(match[2])))
    command, entry = last.get("CMD"), last.get("ENTRYPOINT")
    if command:
        yield (
            path,
            command[0],
            f"{entry[1]} {command[1]}" if entry and any(name in entry[1] for name in SERVERS) else command[1],
        )
    if entry:
        yield path, entry[0], entry[1]


def _compose(tree: Tree, path: str) -> Iterator[tuple[str, int | None, str]]:
    for document in documents.load(tree, path) if _names_server(tree, path) else []:
        services = documents.table(document, "services")
        for service in services.values():
            if isinstance(service, dict):
                for key in ("command", "entrypoint"):
                    if service.get(key):
                        text = _words(service[key])
                        yield path, _line(tree, path, text.split()[0] if text.split() else key), text


def _words(value: Any) -> str:
    """Return a command as one line for a shell; a list is quoted, but for the variables in it."""
    if isinstance(value, list):
        return " ".join(
            "'" + str(word).replace("'", "'\\''") + "'" if re.search(r"[\s;|&()<>]", str(word)) else str(word)
            for word in value
        )
    return str(value)


def _list(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("[") else text
    except ValueError:
        return text


def _json(tree: Tree, path: str) -> Any:
    try:
        return json.loads(tree.text(path) or "{}")
    except (ValueError, RecursionError):
        return {}


def _line(tree: Tree, path: str, text: str) -> int:
    found = tree.line(path, text.splitlines()[0][:40] if text.strip() else text)
    return int(found.rpartition(":")[2])
