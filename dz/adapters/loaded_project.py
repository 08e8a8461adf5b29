"""Runs management commands in a process of an app instance that has already loaded the project.

The other end of the connection is `shim/dz_hooks.py`. It runs inside the project's own process and may lie, but only
about how a command of the project ended.
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
from typing import IO

import psutil

from dz.adapters.processes import Finished, Output
from dz.errors import HealthCheckFailed

_SOCKET = "socket"
_CHUNK = 1024**2


def hold(place: Path) -> None:
    """Make the app instance that starts next wait before it serves, once it has loaded its project."""
    place.mkdir(exist_ok=True, mode=0o755)


class LoadedProject:
    """A process that has loaded a project and waits for commands; its instance serves when it is let go.

    Args:
        process: that process.
        connection: the socket to it.
    """

    def __init__(self, process: psutil.Process, connection: socket.socket) -> None:
        self._process = process
        self._connection = connection

    def run(self, words: Sequence[str], *, timeout: float) -> Finished:
        """Run `manage.py` with these words and wait for it; whatever it started is killed when it ends.

        Args:
            timeout: seconds until it is killed.
        """
        started = time.monotonic()
        # It has the limits of its instance; but the shim of an earlier release asks for this key.
        request = json.dumps({"words": list(words), "limits": []}).encode()
        with tempfile.TemporaryFile() as output, _lifeline() as lifeline:
            with contextlib.suppress(OSError):  # the process has died, so no answer comes below
                socket.send_fds(self._connection, [request], [output.fileno(), lifeline])
            timed_out = not select.select([self._connection], [], [], timeout)[0]
            code = None if timed_out else self._answer()
            self._kill(with_itself=code is None)
            text = _kept(output)
        ended = -9 if code is None else code
        return Finished(("manage.py", *words), ended, text, timed_out, time.monotonic() - started)

    def let_go(self) -> None:
        """Let the instance serve."""
        with contextlib.suppress(OSError):  # it has died: its supervisor restarts it, and nothing holds the new one
            self._connection.send(b"{}")

    def _answer(self) -> int | None:
        """Return the exit code of the command; None if its process has died."""
        try:
            code = json.loads(self._connection.recv(64))
        except (OSError, ValueError):
            return None
        return code if isinstance(code, int) else None

    def _kill(self, *, with_itself: bool) -> None:
        """Kill what the command left behind, and the process itself if `with_itself`."""
        with contextlib.suppress(psutil.Error):
            found = self._process.children(recursive=True)
            for process in [*found, *([self._process] if with_itself else [])]:
                with contextlib.suppress(psutil.Error):
                    process.kill()


def _kept(output: IO[bytes]) -> str:
    """Return what a command has written, as `processes.run` would."""
    found = Output()
    output.seek(0)
    while chunk := output.read(_CHUNK):
        found.add(chunk)
    return found.text()


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """Yield the end of a pipe that tells its reader, by a signal, when this process has gone; nothing is ever written.

    The connection itself cannot tell: the kernel may signal the arrival of a request after the request was read.
    """
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def loaded(
    place: Path, *, owner: tuple[int, int] | None, alive: Callable[[], bool], timeout: float
) -> Iterator[LoadedProject]:
    """Wait until a held instance has loaded its project, and yield its process; it serves if the block succeeds.

    Args:
        place: the folder given to `hold`.
        owner: uid and gid of the project's user; None: this process's own.
        alive: whether the app instance still runs.
        timeout: seconds within which it must have loaded the project.

    Raises:
        HealthCheckFailed: the instance ended, or did not load the project in time.
    """
    with _listening(place, owner) as listener, contextlib.closing(_accepted(listener, alive, timeout)) as connection:
        project = LoadedProject(_peer(connection, owner), connection)
        yield project
        # In this order a kill in between does no harm: nothing is left to hold a restarted instance.
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


def _accepted(listener: socket.socket, alive: Callable[[], bool], timeout: float) -> socket.socket:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([listener], [], [], 0.25)[0]:
            return listener.accept()[0]
        if not alive():
            raise HealthCheckFailed("The app instance ended while it started.", _REMEDY)
    raise HealthCheckFailed(f"The app instance has not loaded the project within {timeout:.0f} s.", _REMEDY)


def _peer(connection: socket.socket, owner: tuple[int, int] | None) -> psutil.Process:
    """Return the process at the other end, as the kernel reports it."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if owner is None or process.uids().real == uid == owner[0]:
            return process
    raise HealthCheckFailed("The app instance ended while it started.", _REMEDY)


_REMEDY = "Read the lines above from the site's own log, correct the project or its variables, and deploy again."
