"""A client of the holder, which keeps the listening sockets of app instances while these restart; see `holder.py`."""

import errno
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

Place = tuple[str, int]

PROGRAM = "listeners"
"""The name under which supervisord knows the holder."""
_HOLDER = Path(__file__).with_name("holder.py")
_SECONDS = 10
"""Seconds for which the holder, or a port that somebody is just giving up, is waited for."""
_AGAIN = {errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.EADDRINUSE}


def command(door: Path, folder: Path) -> list[str]:
    """Return the command that runs a holder in the foreground.

    Args:
        door: its Unix socket, in a folder that nobody else can enter.
        folder: where it notes what it holds.
    """
    return [sys.executable, "-I", "-S", str(_HOLDER), str(door), str(folder)]


def answers(door: Path) -> bool:
    """Say whether a holder answers."""
    try:
        _ask(door, {"do": "nothing"})
    except OSError:
        return False
    return True


def take(door: Path, name: str, place: Place) -> socket.socket:
    """Return the socket that listens at a place, which is held until `name` is released.

    Raises:
        OSError: no holder answers, or the port is somebody else's.
    """
    end = time.monotonic() + _SECONDS
    while True:
        try:
            (descriptor,) = _ask(door, {"do": "take", "name": name, "place": place})
            return socket.socket(fileno=descriptor)
        except OSError as error:
            if error.errno not in _AGAIN or time.monotonic() > end:
                raise
        time.sleep(0.02)


def release(door: Path, name: str) -> None:
    """Let go of what is held under a name; no-op if nothing is, or if there has never been a holder.

    Raises:
        OSError: the holder does not answer.
    """
    end = time.monotonic() + _SECONDS
    while door.exists():
        try:
            _ask(door, {"do": "release", "name": name})
        except OSError as error:
            if error.errno not in _AGAIN or time.monotonic() > end:
                raise
        else:
            return
        time.sleep(0.02)


def _ask(door: Path, request: dict[str, Any]) -> list[int]:
    """Return the descriptors that a holder answers a request with."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.settimeout(_SECONDS)
        channel.connect(str(door))
        channel.send(json.dumps(request).encode())
        answer, descriptors, _, _ = socket.recv_fds(channel, 4096, 1, socket.MSG_CMSG_CLOEXEC)
    if not answer:
        raise ConnectionResetError(errno.ECONNRESET, "the holder of listening sockets has ended")
    if number := json.loads(answer).get("errno"):
        raise OSError(number, os.strerror(number))
    return descriptors
