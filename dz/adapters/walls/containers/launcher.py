"""Runs a confined program in a container: two processes, of which only one may ask the engine.

The *launcher*, which is root, asks the engine for the container, waits for its end and removes it. The *carrier* has become the
project's user before the engine was asked anything, and is all that the container talks to: it hands the program its
descriptors, by the socket `control`, and passes its connections through the walls. Each ends with the other, and
the container with both.
"""

import json
import os
import select
import signal
import site
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from dz.adapters.walls import cgroups, confinement, exceeded, launcher, passages, seccomp
from dz.adapters.walls.confinement import Confinement
from dz.adapters.walls.containers import rooms

if TYPE_CHECKING:
    from docker.models.containers import Container

_ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENDED = signal.SIGUSR1


def main(wanted: Confinement, *, parent: int, held: Sequence[str] = ()) -> NoReturn:
    """Run the program and end as it did: with the same exit code, or by the same signal.

    Args:
        parent: the process that has started this one; when it ends, so does this.
        held: see `walls/launcher.py`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_ASKED, _ENDED})
    launcher.prctl(launcher.PDEATHSIG, signal.SIGTERM)
    status: int = signal.SIGTERM
    try:
        if os.getppid() == parent and not launcher.is_left():
            status = _run(wanted, held)
    except OSError as error:
        os.write(2, f"The program cannot be started: {error}\n".encode())
        status = 126 << 8
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED)
    launcher.end_as(status)


def _run(wanted: Confinement, held: Sequence[str]) -> int:
    """Run the program in a container, and return how it ended, as wait(2) does."""
    assert wanted.docker is not None  # noqa: S101 - `launch` has looked
    environment = dict(os.environ)
    # The home folder that it names is the project's, and the SDK would look for its configuration there.
    os.environ.clear()
    os.environ.update(PATH="/usr/bin:/bin", HOME="/", DOCKER_CONFIG=str(wanted.docker.folder))
    open_files = launcher.more_files()
    user = wanted.user or (os.geteuid(), os.getegid())
    listener = launcher.listening(wanted.listen, held) if wanted.listen else None
    group = cgroups.enter(wanted.group, wanted.limits) if wanted.group else []
    watch = exceeded.Watch(wanted.group, wanted.limits) if listener else None
    etc = confinement.etc_files(*user, passages.names(wanted.network))
    with rooms.made(wanted.docker.folder, etc) as (room, control):
        told, theirs = socket.socketpair()
        if os.fork() == 0:
            told.close()
            _carry(_job(wanted, user, environment), wanted, user, control, theirs, listener, group)
        control.close()
        theirs.close()
        site.main()  # the SDK is a package, and launchers start without any
        from dz.adapters.walls.containers import engine  # noqa: PLC0415 - see above
        from dz.errors import DzError  # noqa: PLC0415 - the same

        try:
            there = engine.Engine(wanted.docker)
            there.remove_strays()
            container = there.start(wanted, room, open_files=open_files)
        except DzError as error:
            os.write(2, f"{error.found}\n{launcher.NO_WALLS}\n".encode())
            return launcher.NO_WALLS_CODE << 8
        try:
            if watch:
                watch.start()
            status = _until_ended(container, told, wanted.patience, listener)
        finally:
            engine.remove(container)
            if watch:
                watch.look()
        told.shutdown(socket.SHUT_WR)
        if not told.recv(1):
            os.write(2, f"{launcher.NO_WALLS}\n".encode())
            return launcher.NO_WALLS_CODE << 8
        return status


def _until_ended(container: "Container", told: socket.socket, patience: float, listener: socket.socket | None) -> int:
    """Wait for the program; one that is asked to end gets some time for it."""
    codes: list[int] = []
    threading.Thread(target=_await, args=(container, codes), daemon=True).start()
    if signal.sigwait({*_ASKED, _ENDED}) != _ENDED:
        if not patience:
            return signal.SIGTERM
        if listener:
            listener.close()  # who comes now is refused at once, and asks another instance
        told.send(b"1")
        if signal.sigtimedwait({_ENDED}, patience) is None:
            return signal.SIGTERM
    return codes[0] << 8 if codes else signal.SIGKILL


def _await(container: "Container", codes: list[int]) -> None:
    try:
        codes.append(int(container.wait()["StatusCode"]))
    finally:  # an engine that ends has nothing to say
        os.kill(os.getpid(), _ENDED)


def _carry(
    job: dict[str, object],
    wanted: Confinement,
    user: tuple[int, int],
    control: socket.socket,
    told: socket.socket,
    listener: socket.socket | None,
    group: Sequence[int],
) -> NoReturn:
    """Be the carrier, as the project's user, until the launcher has gone or nothing is left to carry."""
    try:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        launcher.prctl(launcher.PDEATHSIG, signal.SIGKILL)
        ways = passages.of(wanted.network)
        if control not in select.select([control, told], [], [])[0]:
            os._exit(0)  # there is no container, or no launcher
        connection = control.accept()[0]
        control.close()
        sockets = [(way.kind, *way.inside) for way in ways]
        told_within = launcher.in_memory(json.dumps({**job, "groups": len(group), "sockets": sockets}).encode())
        handed = [told_within, 0, 1, 2, *group, *([listener.fileno()] if listener else [])]
        socket.send_fds(connection, [b"1"], handed)
        for number in (told_within, *group):
            os.close(number)
        data, within, _, _ = socket.recv_fds(connection, 1, len(ways) + 1)
        if data and len(within) == len(ways):
            passages.open_for(ways, [socket.socket(fileno=number) for number in within])
            told.send(b"1")
            while told.recv(1):
                if listener:
                    listener.close()
                connection.send(b"1")
    finally:
        os._exit(0)


def _job(wanted: Confinement, user: tuple[int, int], environment: Mapping[str, str]) -> dict[str, object]:
    """Return what the first program within must know."""
    return {
        "argv": wanted.argv,
        "cwd": str(wanted.cwd),
        "environment": dict(environment),
        "user": user,
        "limits": launcher.rlimits(wanted),
        "filter": seccomp.program().hex(),
        "internet": wanted.network.internet,
        "catcher": passages.CATCHER,
    }
