"""`holder.py DOOR FOLDER` keeps the listening sockets of an appserver's app instances, so that these can end and return.

The launcher of an instance takes its socket from here, by DOOR. While an instance is away, visitors wait in the queue of
its socket. If it does not come back, they are refused at once, so that they can ask another instance; its port is still
taken: a second socket is bound to it, which never listens and which nobody else's can join.

What is held outlives this process. A successor is handed it by one that still runs, finds it with the launchers of one
that was killed, and opens it again after a reboot, before it answers anybody. FOLDER has a note of each.
Sources: socket(7), SO_REUSEPORT; pidfd_open(2), pidfd_getfd(2); unix(7), SCM_RIGHTS. Threat T46.
"""

import contextlib
import ctypes
import errno
import functools
import json
import os
import resource
import select
import selectors
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

Place = tuple[str, int]

_PATIENCE = 10
"""Seconds that visitors wait for an instance to come back."""
_STEADY = 10
"""Seconds that an instance must have run for its end to be worth waiting again, as in `startsecs` of supervisord."""
_ALONE = 60
"""Seconds after which a holder without a supervisor, and without anybody to hold for, ends."""
_QUEUE = 2048
_GETFD = 438
"""The number of pidfd_getfd(2), the same on every machine."""


class Held:
    """A port that is held, and the launcher of the instance that listens there."""

    def __init__(self, place: Place, guard: socket.socket | None = None, listener: socket.socket | None = None) -> None:
        self.place = place
        self.guard = guard or _bound(place, beside_old_connections=True)
        self.listener = listener
        self.launcher: int | None = None
        self.process: tuple[int, str] = (0, "")
        self.taken = 0.0
        self.failed = False
        self.until = time.monotonic() + _PATIENCE

    def listen(self) -> socket.socket:
        """Return the socket that listens, opened now if it is not."""
        if self.listener is None:
            self.listener = _bound(self.place)
            self.listener.listen(_QUEUE)
        return self.listener

    def refuse(self) -> None:
        """Refuse visitors, those who wait included."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def note(self) -> dict[str, Any]:
        """Return what a successor must know."""
        return {"place": self.place, "process": self.process}


class Holder:
    """Everything that is held; its methods are called by one thread.

    Args:
        folder: where it notes what it holds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, Held] = {}
        self._selector = selectors.DefaultSelector()
        self._parent = os.getppid()
        self._needed = time.monotonic()

    def serve(self, door: Path) -> None:
        """Hold what was held before, then answer whoever comes to the door."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        self._take_over(door)
        self._recover()
        for name, held in self._held.items():
            self._note(name, held)
        entrance = _open(door)
        self._selector.register(entrance, selectors.EVENT_READ, functools.partial(self._answer, entrance))
        while not self._is_alone():
            for key, _ in self._selector.select(1):
                key.data()
            for held in self._held.values():
                if held.launcher is None and time.monotonic() > held.until:
                    held.refuse()

    def _answer(self, entrance: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError), entrance.accept()[0] as channel:
            channel.settimeout(2)
            pid, uid, _ = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            request = json.loads(channel.recv(4096))
            if uid not in (0, os.geteuid()):
                return
            if request["do"] == "hand over":
                self._hand_over(channel)
            try:
                descriptors = self._done(request, pid)
            except OSError as error:
                channel.send(json.dumps({"errno": error.errno}).encode())
            else:
                socket.send_fds(channel, [b"{}"], descriptors)

    def _done(self, request: dict[str, Any], pid: int) -> list[int]:
        """Do what is asked; return the descriptors to answer with."""
        if request["do"] == "take":
            host, port = request["place"]
            return [self._take(Path(request["name"]).name, (host, port), pid).fileno()]
        if request["do"] == "release":
            self._release(request["name"])
        return []

    def _take(self, name: str, place: Place, pid: int) -> socket.socket:
        for other, one in list(self._held.items()):
            if (other == name) == (one.place == place):
                continue
            if other != name and one.launcher is not None:
                raise OSError(errno.EADDRINUSE, "another app instance listens there")
            self._release(other)  # the name has another place now, or the place another name
        held = self._held.get(name) or Held(place)
        listener = held.listen()
        self._held[name] = held
        self._watch(held, os.pidfd_open(pid))
        held.process = (pid, _begun(pid))
        self._note(name, held)
        return listener

    def _release(self, name: str) -> None:
        held = self._held.pop(name, None)
        (self._folder / Path(name).name).unlink(missing_ok=True)
        if held:
            self._unwatch(held)
            held.refuse()
            held.guard.close()

    def _watch(self, held: Held, launcher: int) -> None:
        self._unwatch(held)
        held.launcher, held.taken = launcher, time.monotonic()
        self._selector.register(launcher, selectors.EVENT_READ, functools.partial(self._ended, held))

    def _unwatch(self, held: Held) -> None:
        if held.launcher is not None:
            self._selector.unregister(held.launcher)
            os.close(held.launcher)
            held.launcher = None

    def _ended(self, held: Held) -> None:
        if held.launcher is None or not select.select([held.launcher], [], [], 0)[0]:
            return  # it has been released, or taken by another launcher, in the same round
        self._unwatch(held)
        if not held.failed or time.monotonic() - held.taken >= _STEADY:
            held.failed = True
            held.until = time.monotonic() + _PATIENCE

    def _note(self, name: str, held: Held) -> None:
        part = self._folder / f".{name}"
        part.write_text(json.dumps(held.note()), "utf-8")
        part.replace(self._folder / name)

    def _hand_over(self, channel: socket.socket) -> None:
        """Give everything to a successor, and end once that has it."""
        for name, held in self._held.items():
            listener = [held.listener.fileno()] if held.listener else []
            message = json.dumps({"name": name, **held.note()}).encode()
            socket.send_fds(channel, [message], [held.guard.fileno(), *listener])
        channel.send(b"{}")
        if channel.recv(16):
            os._exit(0)

    def _take_over(self, door: Path) -> None:
        """Take everything from a predecessor that still runs."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
            channel.settimeout(10)
            channel.connect(str(door))
            channel.send(b'{"do": "hand over"}')
            while True:
                message, descriptors, _, _ = socket.recv_fds(channel, 4096, 2, socket.MSG_CMSG_CLOEXEC)
                found = json.loads(message or b"{}")
                if not found:
                    break
                guard, *listener = (socket.socket(fileno=number) for number in descriptors)
                held = Held(tuple(found["place"]), guard, listener[0] if listener else None)
                self._resume(found["name"], held, tuple(found["process"]))
            channel.send(b"taken")
            channel.recv(16)  # it has ended

    def _recover(self) -> None:
        """Hold what the notes of a predecessor name: with the sockets that its launchers have, or with others."""
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(".") or path.name in self._held:
                continue
            try:
                note = json.loads(path.read_text("utf-8"))
                place, process = tuple(note["place"]), tuple(note["process"])
                held = Held(place, listener=_of_process(process, place))
                held.listen()
                self._resume(path.name, held, process)
            except (OSError, ValueError, KeyError) as error:
                os.write(2, f"{path.name}: not held until its instance starts: {error}\n".encode())

    def _resume(self, name: str, held: Held, process: tuple[int, str]) -> None:
        self._held[name] = held
        launcher = _open_process(process)
        if launcher is not None:
            held.process = process
            self._watch(held, launcher)

    def _is_alone(self) -> bool:
        if os.getppid() == self._parent or any(held.launcher is not None for held in self._held.values()):
            self._needed = time.monotonic()
        return time.monotonic() - self._needed > _ALONE


def _bound(place: Place, *, beside_old_connections: bool = False) -> socket.socket:
    """Return a socket that is bound to a place, where only this user can bind others.

    Args:
        beside_old_connections: whose sockets had no SO_REUSEPORT. The option that takes lets anybody else's socket be
            bound, too, though not listen, until one is bound without it.
    """
    one = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(beside_old_connections))
        one.bind(place)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError:
        one.close()
        raise
    return one


def _open(door: Path) -> socket.socket:
    """Return a door in the place of any other that there is."""
    entrance = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    part = door.with_name(f".{door.name}")
    part.unlink(missing_ok=True)
    entrance.bind(str(part))
    entrance.listen(128)
    part.replace(door)
    return entrance


def _begun(pid: int) -> str:
    """Return when a process began, in the kernel's clock ticks; with its number it names one process for ever."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]


def _open_process(process: tuple[int, str]) -> int | None:
    """Return a descriptor of a process that still runs."""
    pid, begun = process
    with contextlib.suppress(OSError):
        found = os.pidfd_open(pid)
        if _begun(pid) == begun:
            return found
        os.close(found)
    return None


def _of_process(process: tuple[int, str], place: Place) -> socket.socket | None:
    """Return the socket that a launcher has, if that still runs and listens at this place."""
    launcher = _open_process(process)
    if launcher is None:
        return None
    call = ctypes.CDLL(None, use_errno=True).syscall
    try:
        for path in Path(f"/proc/{process[0]}/fd").iterdir():
            found = call(_GETFD, launcher, int(path.name), 0)
            if found >= 0 and (one := _listening(found, place)):
                return one
    except OSError:
        pass
    finally:
        os.close(launcher)
    return None


def _listening(descriptor: int, place: Place) -> socket.socket | None:
    """Return the socket behind a descriptor if it listens at a place; any other is closed."""
    try:
        one = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        return None
    with contextlib.suppress(OSError):
        if one.getsockname()[:2] == place and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return one
    one.close()
    return None


def _end(number: int, frame: object) -> NoReturn:
    os._exit(0)


def main(door: Path, folder: Path) -> None:
    """Hold what app instances listen at until this process is told to end."""
    signal.signal(signal.SIGTERM, _end)
    os.umask(0o077)
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    Holder(folder).serve(door)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
