"""Finds the Python interpreters that sites can run on."""

import functools
import os
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from dz.adapters import processes
from dz.adapters.processes import BASE_ENVIRONMENT

Version = tuple[int, int, int]
OLDEST, NEWEST = (3, 9), (3, 14)
"""The CPythons that sites run on: what gunicorn, uvicorn and what a bundle carries are made for."""
_PROGRAM = re.compile(r"python3\.\d+")
_ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.implementation.name, sys.version.replace('\\n', ' '))"
_ANSWER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?: cpython (.+))?")
_ASK_SECONDS = 20


@dataclass(frozen=True, order=True)
class Download:
    """A build of CPython that uv can fetch for this platform.

    Args:
        version: major, minor, micro.
        key: uv's name of it, such as `cpython-3.12.1-linux-x86_64-gnu`.
        url: of the archive: https, or file where the operator says so.
        sha256: of the archive; "" as long as only uv knows it, which checks it in any case.
        build: what its publisher calls this build of the version.
    """

    version: Version
    key: str
    url: str
    sha256: str = ""
    build: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the download that `dataclasses.asdict` gave, which JSON has turned into lists and texts."""
        known = {one.name for one in fields(cls)}
        return cls(**{**{name: data[name] for name in known & data.keys()}, "version": tuple(data["version"])})


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python interpreter of this server.

    Args:
        version: major, minor, micro.
        path: the program; never inside a virtualenv.
        build: what tells it from other builds of the same version, as it says itself.
        source: what it was fetched from, with its sha256; None: it belongs to the server.
    """

    version: Version
    path: Path
    build: str = field(default="", compare=False)
    source: Download | None = field(default=None, compare=False)

    @property
    def minor(self) -> str:
        """The version without its last number: `3.11`."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def full(self) -> str:
        """The whole version: `3.11.2`."""
        return dotted(self.version)


def dotted(version: Sequence[int]) -> str:
    """Return a version as people write it: `3.11.2`."""
    return ".".join(str(number) for number in version)


def available(configured: Sequence[Path] = ()) -> list[Interpreter]:
    """Return the server's own interpreters for sites, newest first, one for each minor version.

    For root, only interpreters that every user can execute count: one in root's home is of no use to a project.

    Args:
        configured: the operator's own list; if it is empty, the usual places are searched.
    """
    found: dict[str, Interpreter] = {}
    for program in configured or _usual():
        if os.geteuid() == 0 and not everyone_can_run(program):
            continue
        interpreter = ask(program)
        if interpreter and OLDEST <= interpreter.version[:2] <= NEWEST:
            found.setdefault(interpreter.minor, interpreter)
    return sorted(found.values(), reverse=True)


def everyone_can_run(program: Path) -> bool:
    """Say whether an unprivileged user can execute a program: it and all folders above it must be open to others."""
    real = program.resolve()
    try:
        return all(path.stat().st_mode & stat.S_IXOTH for path in (real, *real.parents, *program.absolute().parents))
    except OSError:
        return False


def _usual() -> list[Path]:
    folders = [
        Path("/usr/local/bin"),
        Path("/usr/bin"),
        *sorted(Path("/opt").glob("*/bin")),
        Path(sys.base_prefix, "bin"),
    ]
    programs: list[Path] = []
    for folder in folders:
        try:
            programs += sorted(path for path in folder.iterdir() if _PROGRAM.fullmatch(path.name))
        except OSError:
            continue
    return programs


def ask(program: Path) -> Interpreter | None:
    """Ask a program which CPython it is; None if it is none, or does not run."""
    return _asked(program, program.stat().st_mtime_ns) if program.exists() else None


@functools.lru_cache(maxsize=64)
def _asked(program: Path, changed: int) -> Interpreter | None:
    """Ask it once; the answer is kept until the file changes."""
    try:
        answer = processes.run([program, "-I", "-c", _ASK], cwd=Path("/"), env=BASE_ENVIRONMENT, timeout=_ASK_SECONDS)
    except OSError:
        return None
    said = _ANSWER.fullmatch(answer.output.strip())
    if not answer.ok or not said:
        return None
    return Interpreter((int(said[1]), int(said[2]), int(said[3])), program, build=said[4] or "")
