"""Runs programs by argument list: never a shell, always an explicit environment and a time limit."""

import contextlib
import os
import pwd
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.errors import LimitExceeded

OUTPUT_LIMIT = 200_000
"""How many bytes of a program's output are kept, half of them from its end; docs.rs keeps 102,400 of a build."""


BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
"""What a program finds in its environment besides the variables that it is given explicitly."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one program; None means unbounded.

    Args:
        file_bytes: the largest file it may write.
        memory_bytes: its address space.
    """

    file_bytes: int | None = None
    memory_bytes: int | None = None

    def apply(self) -> None:
        """Set the limits in the child, before the program starts."""
        for kind, value in self.kinds():
            resource.setrlimit(kind, (value, value))

    def kinds(self) -> list[tuple[int, int]]:
        """Return pairs of a resource of setrlimit(2) and its limit; core dumps are always off."""
        wanted = (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, self.file_bytes),
            (resource.RLIMIT_AS, self.memory_bytes),
        )
        return [(kind, value) for kind, value in wanted if value is not None]


@dataclass(frozen=True)
class Finished:
    """How a program ended.

    Args:
        returncode: its exit code, negative for a signal.
        output: stdout and stderr as they came, with a note where more than OUTPUT_LIMIT was left out.
        timed_out: it was killed because it timed out.
        seconds: how long it ran.
        exceeded: the limit that it failed at, if that is known.
    """

    argv: tuple[str, ...]
    returncode: int
    output: str
    timed_out: bool
    seconds: float
    exceeded: LimitExceeded | None = None

    @property
    def ok(self) -> bool:
        """It ended by itself with exit code 0."""
        return self.returncode == 0 and not self.timed_out

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the output."""
        return "\n".join(self.output.rstrip().splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    user: str | None = None,
    limits: Limits | None = None,
    on_line: Callable[[str], None] | None = None,
    grace: float = 0,
    inherits: Sequence[int] = (),
) -> Finished:
    """Run a program, wait for it and return how it ended; its process group is killed with it.

    Args:
        argv: program and arguments.
        cwd: the folder it starts in.
        env: the whole environment of the program; nothing is inherited.
        timeout: seconds until its process group is killed.
        user: the Unix user to become, with its primary group only; needs root.
        limits: bounds of the program.
        on_line: called with each line of output as it comes, until it is too much.
        grace: seconds from SIGTERM to the program until its process group is killed; 0: no SIGTERM.
        inherits: descriptors that stay open in the program, such as that of a lock.

    Raises:
        OSError: the program cannot be started.
    """
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    identity = {"user": user, "group": _primary_group(user), "extra_groups": []} if user else {}
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o022,
        pass_fds=inherits,
        preexec_fn=(limits or Limits()).apply,
        **identity,  # type: ignore[call-overload]
    )
    try:
        output, timed_out = _read(process, started + timeout, on_line)
    finally:
        if grace and process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace)
        _kill_group(process)
    return Finished(words, process.wait(), output, timed_out, time.monotonic() - started)


def _read(
    process: "subprocess.Popen[bytes]", deadline: float, on_line: Callable[[str], None] | None
) -> tuple[str, bool]:
    """Collect output until the program ends, without waiting for a grandchild that keeps the pipe open."""
    assert process.stdout is not None
    kept, pending = Output(), bytearray()
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            selector.select(0 if ended else 0.1)
            chunk = process.stdout.read(65536)
            if chunk:
                kept.add(chunk)
                if on_line and kept.total > OUTPUT_LIMIT:
                    on_line("[too much output: what follows is not shown here]")
                    on_line = None  # whoever listens must not drown
                pending += chunk
                pending = _emit(pending, on_line)
            elif ended or chunk == b"":
                if process.poll() is None:
                    time.sleep(0.02)
                    continue
                break
    if pending and on_line:
        on_line(pending.decode("utf-8", "replace"))
    return kept.text(), process.poll() is None


class Output:
    """The output of a program: its beginning and its end, should it be too much."""

    def __init__(self) -> None:
        self.total = 0
        self._head, self._tail = bytearray(), bytearray()

    def add(self, chunk: bytes) -> None:
        """Take what comes next."""
        self.total += len(chunk)
        room = OUTPUT_LIMIT // 2 - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > OUTPUT_LIMIT:
            del self._tail[: -OUTPUT_LIMIT // 2]

    def text(self) -> str:
        """Return what is kept."""
        if self.total <= OUTPUT_LIMIT:
            return (self._head + self._tail).decode("utf-8", "replace")
        head, tail = self._head.decode("utf-8", "replace"), self._tail[-OUTPUT_LIMIT // 2 :].decode("utf-8", "replace")
        return f"{head}\n[output truncated: {self.total - OUTPUT_LIMIT} bytes are left out]\n{tail}"


def _emit(pending: bytearray, on_line: Callable[[str], None] | None) -> bytearray:
    *lines, rest = pending.split(b"\n")
    if on_line:
        for line in lines:
            on_line(line.decode("utf-8", "replace"))
    return bytearray(rest[-4096:])


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout:
        process.stdout.close()


def _primary_group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
