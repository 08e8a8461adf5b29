"""Runs commands in a process of an app instance that has loaded its project, instead of loading it once more.

The instance's side is `shim/dz_hooks.py`. It is the project's own code and may lie: all that it can claim is how
a command of the project ended.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from dz.adapters.processes import OUTPUT_LIMIT, Finished, Limits
from dz.errors import HealthCheckFailed

_SOCKET = "socket"


def hold(place: Path) -> None:
    """Have the app instance that is started next wait, once it has loaded its project, before it serves."""
    place.mkdir(exist_ok=True, mode=0o755)


class LoadedProject:
    """A process that has loaded a project and waits for commands; its instance serves when it is let go.

    Args:
        process: that process.
        connection: to it.
        limits: bounds of each command, which the process sets itself: no other one may.
    """

    def __init__(self, process: psutil.Process, connection: socket.socket, limits: Limits) -> None:
        self._process = process
        self._connection = connection
        self._limits = limits

    def run(self, words: Sequence[str], *, timeout: float) -> Finished:
        """Run `manage.py` with these words to its end; what it started dies with it.

        Args:
            timeout: seconds until it is killed.
        """
        started = time.monotonic()
        request = json.dumps({"words": list(words), "limits": self._limits.kinds()}).encode()
        with tempfile.TemporaryFile() as output:
            with contextlib.suppress(OSError):  # it has died, and does not answer
                socket.send_fds(self._connection, [request], [output.fileno()])
            timed_out = not select.select([self._connection], [], [], timeout)[0]
            code = None if timed_out else self._answer()
            self._kill(with_itself=code is None)
            output.seek(0)
            kept = output.read(OUTPUT_LIMIT + 1)
        text = kept[:OUTPUT_LIMIT].decode("utf-8", "replace")
        text += "\n[output truncated]\n" if len(kept) > OUTPUT_LIMIT else ""
        ended = -9 if code is None else code
        return Finished(("manage.py", *words), ended, text, timed_out, time.monotonic() - started)

    def let_go(self) -> None:
        """Have the instance serve."""
        with contextlib.suppress(OSError):  # it has died: its supervisor starts it anew, and nothing holds that one
            self._connection.send(b"{}")

    def _answer(self) -> int | None:
        """Return the exit code of the command; None if its process has died."""
        try:
            code = json.loads(self._connection.recv(64))
        except (OSError, ValueError):
            return None
        return code if isinstance(code, int) else None

    def _kill(self, *, with_itself: bool) -> None:
        """Kill what the command left behind."""
        with contextlib.suppress(psutil.Error):
            found = self._process.children(recursive=True)
            for process in [*found, *([self._process] if with_itself else [])]:
                with contextlib.suppress(psutil.Error):
                    process.kill()


@contextlib.contextmanager
def loaded(
    place: Path, *, owner: tuple[int, int] | None, limits: Limits, alive: Callable[[], bool], deadline: float
) -> Iterator[LoadedProject]:
    """Wait for the process of an instance that is held and yield it; the instance serves if the body ends well.

    Args:
        place: the folder given to `hold`.
        owner: uid and gid of the project's user; None: this process's own.
        alive: whether the app instance still runs.
        deadline: seconds until it must have loaded the project.

    Raises:
        HealthCheckFailed: it ended, or has not loaded the project in time.
    """
    with _listening(place, owner) as listener, contextlib.closing(_accepted(listener, alive, deadline)) as connection:
        project = LoadedProject(_peer(connection, owner), connection, limits)
        yield project
        # First what would hold an instance that is started anew, then the word: a kill in between does no harm.
        shutil.rmtree(place)
        project.let_go()


@contextlib.contextmanager
def _listening(place: Path, owner: tuple[int, int] | None) -> Iterator[socket.socket]:
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    path = f"/proc/self/fd/{folder}/{_SOCKET}"  # the path itself may be too long for a socket
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_SOCKET, dir_fd=folder)
        listener.bind(path)
        Path(path).chmod(0o600)
        if owner:
            os.chown(path, *owner)
        listener.listen(1)
        yield listener
    finally:
        listener.close()
        os.close(folder)


def _accepted(listener: socket.socket, alive: Callable[[], bool], deadline: float) -> socket.socket:
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if select.select([listener], [], [], 0.25)[0]:
            return listener.accept()[0]
        if not alive():
            raise HealthCheckFailed("The app instance ended while it started.", _REMEDY)
    raise HealthCheckFailed(f"The app instance has not loaded the project within {deadline:.0f} s.", _REMEDY)


def _peer(connection: socket.socket, owner: tuple[int, int] | None) -> psutil.Process:
    """Return the process at the other end, as the kernel names it."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if owner is None or process.uids().real == uid == owner[0]:
            return process
    raise HealthCheckFailed("The app instance ended while it started.", _REMEDY)


_REMEDY = "Read the lines above from the site's own log, correct the project or its variables, and deploy again."
