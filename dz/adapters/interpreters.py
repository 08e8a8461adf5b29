"""Finds the Python interpreters that sites can run on."""

import functools
import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.adapters import processes
from dz.adapters.sandbox import BASE_ENVIRONMENT

_PROGRAM = re.compile(r"python3\.\d+")
_ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
_ASK_SECONDS = 20


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python interpreter of this server.

    Args:
        version: major, minor, micro.
        path: the program; never inside a virtualenv.
    """

    version: tuple[int, int, int]
    path: Path

    @property
    def minor(self) -> str:
        """The version without its last number: `3.11`."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def full(self) -> str:
        """The whole version: `3.11.2`."""
        return ".".join(str(number) for number in self.version)


def available(configured: Sequence[Path] = ()) -> list[Interpreter]:
    """Return the interpreters for sites, newest first, one for each minor version.

    For root, only interpreters that every user can execute count: one in root's home is of no use to a project.

    Args:
        configured: the operator's own list; if it is empty, the usual places are searched.
    """
    found: dict[str, Interpreter] = {}
    for program in configured or _usual():
        if os.geteuid() == 0 and not everyone_can_run(program):
            continue
        version = _version(program, program.stat().st_mtime_ns) if program.exists() else None
        if version:
            interpreter = Interpreter(version, program)
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


@functools.lru_cache(maxsize=64)
def _version(program: Path, changed: int) -> tuple[int, int, int] | None:
    """Ask an interpreter for its version, None if it does not run; the answer is cached until the file changes."""
    try:
        answer = processes.run([program, "-I", "-c", _ASK], cwd=Path("/"), env=BASE_ENVIRONMENT, timeout=_ASK_SECONDS)
    except OSError:
        return None
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", answer.output.strip())
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if answer.ok and numbers else None
