"""Which limit a program of a project has met, and how people are told."""

import os
import re
import signal
import threading
import time
from typing import TYPE_CHECKING

from dz.adapters.walls import cgroups
from dz.adapters.walls.cgroups import Use
from dz.adapters.walls.limits import MIB, Limits
from dz.errors import DiskFull, FileTooLarge, LimitExceeded, OutOfMemory, TooManyOpenFiles, TooManyProcesses

if TYPE_CHECKING:  # a launcher needs none of it, and starts with every step
    from dz.adapters.processes import Finished

_LAST = 40
"""Lines at the end of what a program has written that may say why it failed."""
_NO_FORK = re.compile(
    r"can't start new thread|\bfork\b.*(Resource temporarily unavailable|EAGAIN)|Cannot fork", re.IGNORECASE
)
_NO_FORK_IN_PYTHON = re.compile(r"fork(?s:.)*BlockingIOError: \[Errno 11\] Resource temporarily unavailable")
_TOO_LARGE = re.compile(r"File too large|File size limit exceeded")
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_FILES = re.compile(r"Too many open files")
_SHELL = 128
"""A shell says so much more than the number of the signal that ended a program."""
_LOOK_SECONDS = 2.0
_SUBJECT = {"build": "This step of the build", "site": "A process of the site"}


def of(done: "Finished", limits: Limits, use: Use) -> LimitExceeded | None:
    """Return the limit that a program failed at, as far as it can be told; None if it ended well.

    Args:
        use: what happened in its control group.
    """
    if done.ok or done.timed_out:
        return None
    return counted(limits, use, done.tail(8)) or _said(done, limits)


def counted(limits: Limits, use: Use, last_lines: str) -> OutOfMemory | TooManyProcesses | None:
    """Return the limit that the kernel says a program has met; see `of`."""
    lines = f" Last lines:\n{last_lines}" if last_lines else ""
    if use.killed:
        return OutOfMemory(
            f"{memory(limits)}{lines}", _raised("memory_mb" if limits.stage == "site" else "", limits, "memory_mb")
        )
    if use.refused:
        return TooManyProcesses(f"{processes(limits)}{lines}", _raised("", limits, "processes"))
    return None


def memory(limits: Limits) -> str:
    """Say that the memory did not suffice."""
    most = f"the {_mib(limits.memory_bytes)} of memory that it may use" if limits.memory_bytes else "its memory"
    return f"{_SUBJECT[limits.stage]} needed more than {most}, so the kernel has ended it."


def processes(limits: Limits) -> str:
    """Say that there were too many processes."""
    return (
        f"{_SUBJECT[limits.stage]} wanted more than the {limits.processes} processes and threads that may run at once."
    )


def _said(done: "Finished", limits: Limits) -> LimitExceeded | None:
    """Return the limit that the program's own words or end speak of."""
    subject, text, lines = _SUBJECT[limits.stage], done.tail(_LAST), f" Last lines:\n{done.tail(8)}"
    too_large = {-signal.SIGXFSZ, _SHELL + signal.SIGXFSZ}
    if _NO_FORK.search(text) or _NO_FORK_IN_PYTHON.search(text):
        return TooManyProcesses(f"{processes(limits)}{lines}", _raised("", limits, "processes"))
    if done.returncode in too_large or _TOO_LARGE.search(text):
        most = _mib(limits.file_bytes)
        found = f"{subject} wanted to write a file of more than {most}, which is the largest that it may.{lines}"
        return FileTooLarge(found, "Write smaller files, or ask the operator to raise DZ_FILE_MB.")
    if _FULL.search(text):
        sizes = f"its /tmp holds {_mib(limits.temporary_bytes)}, /dev/shm {_mib(limits.shared_bytes)}"
        found = f"{subject} found no space left for a file: {sizes}, and the rest lies on the server's disk.{lines}"
        return DiskFull(found, _raised("", limits, "tmp_mb"))
    if _FILES.search(text):
        found = f"{subject} had {limits.open_files} files and connections open, as many as one process may.{lines}"
        return TooManyOpenFiles(found, "Close what is not needed, or ask the operator to raise DZ_OPEN_FILES.")
    return None


def _raised(key: str, limits: Limits, setting: str) -> str:
    own = f"raise `{key}` in zoombuild.cfg as far as the operator allows, " if key else ""
    return f"Make it need less, {own}or ask the operator to raise DZ_{limits.stage.upper()}_{setting.upper()}."


def _mib(size: int | None) -> str:
    return f"{(size or 0) // MIB} MiB"


class Watch:
    """Writes to stderr, which is the log of a site, what its control group says of limits that it meets.

    Args:
        group: see `cgroups.enter`; empty: there is nothing to watch.
    """

    def __init__(self, group: str, limits: Limits) -> None:
        self._group, self._limits = group, limits
        self._trees = cgroups.trees() if group else ()
        self._seen = cgroups.use(group, within=self._trees)

    def start(self) -> None:
        """Look every few seconds, for as long as this process lives."""
        if self._trees:
            threading.Thread(target=self._look_for_ever, daemon=True).start()

    def look(self) -> None:
        """Tell what has happened since the last look."""
        now = cgroups.use(self._group, within=self._trees)
        if error := counted(self._limits, now.since(self._seen), ""):
            os.write(2, f"DjangoZoom: {error.code}: {error.found} {error.remedy}\n".encode())
        self._seen = now

    def _look_for_ever(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            self.look()
