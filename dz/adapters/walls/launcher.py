"""Runs a confined program: puts up its walls, keeps their passages open, and ends all its processes with it.

`command` says how it is started: as a program of its own, because it changes its user and forks. With `DZ_ISOLATION=user` there is
no namespace whose end ends all; so processes that the program leaves behind, even by `setsid` and a double fork, become its
children and are killed.
Sources: prctl(2), PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG; threats T19, T20, T26, T45, T46.
"""

import array
import contextlib
import ctypes
import encodings.idna  # noqa: F401 - names are resolved by a user who may not be able to read the interpreter
import errno
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from dz.adapters.walls import cgroups, confinement, exceeded, listeners, passages, seccomp
from dz.adapters.walls.confinement import Confinement

PDEATHSIG = 1
_DUMPABLE, _SUBREAPER, _NO_NEW_PRIVS = 4, 36, 38
_LISTENER, _ABOVE = 3, 20
"""The descriptor of the listening socket, and the first of those that only bubblewrap gets."""
_CLEANING_SECONDS = 10
_BIND_SECONDS = 10
_SIGNALLED = 128
_FATAL = {*range(1, 10), 11, 13, 14, 15, 24, 25, 31}
"""The signals by which programs end; the others stop them or are their own."""
_FILES = 8192
"""Descriptors of the launcher, two for each connection through the walls."""
NO_WALLS_CODE, NO_WALLS = 125, "DjangoZoom: the walls cannot be put up."
"""How a launcher ends whose walls do not stand; the lines before say why."""
_INSIDE = Path(__file__).with_name("inside.py")
_LAUNCH = Path(__file__).with_name("launch.py")


def main(wanted: Confinement, *, parent: int, held: Sequence[str] = ()) -> NoReturn:
    """Run the program and end as it did: with the same exit code, or by the same signal.

    Args:
        parent: the process that has started this one; when it ends, so does this.
        held: the door of a holder, and the name under which it holds the socket that the program listens at.
    """
    prctl(_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = more_files()
    status: int = signal.SIGKILL
    child = 0
    watch: exceeded.Watch | None = None
    try:
        listener = listening(wanted.listen, held) if wanted.listen else None
        program = _INSIDE.read_bytes()
        group = cgroups.enter(wanted.group, wanted.limits) if wanted.group else []
        watch = exceeded.Watch(wanted.group, wanted.limits) if listener else None
        _become(wanted.user)
        prctl(PDEATHSIG, signal.SIGTERM)
        if os.getppid() == parent and not is_left():
            child, main_process = _start(wanted, listener, program, files, group)
            if watch:
                watch.start()
            status = _wait(child, main_process, wanted.patience, listener)
    except _Stopped:
        status = signal.SIGTERM
    except NoWallsError:
        os.write(2, f"{NO_WALLS}\n".encode())
        status = NO_WALLS_CODE << 8
    except OSError as error:
        os.write(2, f"The program cannot be started: {error}\n".encode())
        status = 126 << 8
    finally:
        signal.alarm(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _kill_descendants()
        if watch:
            watch.look()
    end_as(status)


def more_files() -> tuple[int, int]:
    """Let this process open as many files as connections take; return the limits of before, which the program gets."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = _FILES if files[1] == resource.RLIM_INFINITY else min(_FILES, files[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files[0], highest), files[1]))
    return files


def end_as(status: int) -> NoReturn:
    """End as a program did whose status wait(2) has given."""
    code = os.waitstatus_to_exitcode(status)
    if code - _SIGNALLED in _FATAL:
        code = _SIGNALLED - code  # bubblewrap says it as a shell does
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)


class NoWallsError(Exception):
    """Bubblewrap, or the first program within, has ended before the project's program began."""


class _Stopped(Exception):
    """Somebody asked the program to end."""


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stopped


def is_left() -> bool:
    """Say whether nobody reads what the program writes: its supervisor had died before this process knew its number."""
    question = select.poll()
    question.register(1, 0)
    return any(events & select.POLLERR for _, events in question.poll(0))


def listening(place: tuple[str, int], held: Sequence[str]) -> socket.socket:
    """Return a socket that listens; one of an instance that is just ending may hold the port for a moment."""
    if held:
        return listeners.take(Path(held[0]), held[1], place)
    end = time.monotonic() + _BIND_SECONDS
    while True:
        one = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(place)
            one.listen(2048)
            return one
        except OSError as error:
            one.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
        time.sleep(0.1)


def _become(user: tuple[int, int] | None) -> None:
    if user:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        prctl(_DUMPABLE, 1)  # or the user namespace of its child could not be set up


def _start(
    wanted: Confinement,
    listener: socket.socket | None,
    program: bytes,
    open_files: tuple[int, int],
    group: Sequence[int],
) -> tuple[int, int]:
    """Start the program, in its control group; return the process to wait for and the one to tell to end."""
    if wanted.bwrap is None:
        child = os.fork()
        if child == 0:
            prctl(PDEATHSIG, signal.SIGKILL)
            _exec(list(wanted.argv), listener, open_files, group, cwd=wanted.cwd, limits=rlimits(wanted))
        return child, child
    ways = passages.of(wanted.network)
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # before anything is sent
    control = _raised(theirs.fileno())
    theirs.close()
    job = {"internet": wanted.network.internet, "catcher": passages.CATCHER, "limits": rlimits(wanted)}
    sockets = {"sockets": [(way.kind, *way.inside) for way in ways]}
    words = [str(wanted.python), "-I", "-S", "/run/inside.py", str(control), json.dumps({**job, **sockets})]
    contents = {
        "/run/inside.py": program,
        **{
            k: v.encode()
            for k, v in confinement.etc_files(os.getuid(), os.getgid(), passages.names(wanted.network)).items()
        },
    }
    files = [(in_memory(content), place) for place, content in contents.items()]
    rules = seccomp.program()
    filter_ = in_memory(rules) if rules else None
    handed = [control, *([filter_] if filter_ is not None else []), *(number for number, _ in files)]
    argv = [*confinement.bubblewrap(wanted, files=files, seccomp=filter_), *words, *wanted.argv]
    child = os.fork()
    if child == 0:
        for descriptor in handed:
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - the function takes no keyword
        _exec(argv, listener, open_files, group, cwd=Path("/"))
    for descriptor in handed:
        os.close(descriptor)
    sockets_within, main_process = _taken_over(ours, len(ways))
    if not main_process:
        os.waitpid(child, 0)
        raise NoWallsError
    passages.open_for(ways, sockets_within)
    return child, main_process


def rlimits(wanted: Confinement) -> list[tuple[int, int]]:
    """Return what each process is limited to, as pairs for setrlimit(2)."""
    return wanted.limits.of_each_process(own_user=wanted.user is not None, own_namespace=wanted.bwrap is not None)


def in_memory(content: bytes) -> int:
    """Return a descriptor of a nameless file that holds the content, higher than those that a program is given."""
    raw = os.memfd_create("dz")
    descriptor = _raised(raw)
    os.close(raw)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _raised(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)


def _exec(
    argv: list[str],
    listener: socket.socket | None,
    open_files: tuple[int, int],
    group: Sequence[int],
    *,
    cwd: Path,
    limits: Sequence[tuple[int, int]] = (),
) -> NoReturn:
    try:
        cgroups.join(group)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_NOFILE, open_files)
        for kind, value in limits:
            resource.setrlimit(kind, (value, value))
        if listener:
            os.dup2(listener.fileno(), _LISTENER)
            os.set_inheritable(_LISTENER, True)  # noqa: FBT003 - the function takes no keyword
        prctl(_NO_NEW_PRIVS, 1)
        os.chdir(cwd)
        os.execvp(argv[0], argv)  # noqa: S606 - a program of the list that the sandbox was given
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _taken_over(channel: socket.socket, count: int) -> tuple[list[socket.socket], int]:
    """Return the sockets that listen within, and the process there; none if it has ended before."""
    space = socket.CMSG_SPACE(4 * max(count, 1)) + socket.CMSG_SPACE(12)
    data, ancillary, _, _ = channel.recvmsg(1, space)
    channel.close()
    descriptors, process = array.array("i"), 0
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content)
        elif (level, kind) == (socket.SOL_SOCKET, 2):  # SCM_CREDENTIALS
            process = struct.unpack("3i", content)[0]
    if not data or len(descriptors) != count:
        return [], 0
    return [socket.socket(fileno=number) for number in descriptors], process


def prctl(option: int, value: int) -> None:
    """Tell the kernel how to treat this process; raises OSError if it refuses."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def _wait(child: int, main_process: int, patience: float, listener: socket.socket | None) -> int:
    """Wait for the program; one that is asked to end gets some time for it. Orphans that end are only reaped."""
    try:
        return _ended(child)
    except _Stopped:
        if not (patience and main_process):
            raise
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if listener:
        listener.close()  # who comes now is refused at once, and asks another instance
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(int(patience))
    with contextlib.suppress(ProcessLookupError):
        os.kill(main_process, signal.SIGTERM)
    return _ended(child)


def _ended(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return status


def _kill_descendants() -> None:
    """Kill all remaining descendants, however fast they fork; gives up after _CLEANING_SECONDS."""
    deadline = time.monotonic() + _CLEANING_SECONDS
    while time.monotonic() < deadline:
        found = _descendants()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # a stopped process cannot fork
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _descendants() -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                if fields[0] != "Z" or int(fields[1]) == os.getpid():
                    parents[int(folder.name)] = int(fields[1])
    found, ring = [], {os.getpid()}
    while ring:
        ring = {pid for pid, parent in parents.items() if parent in ring}
        found += sorted(ring)
    return found


def command(file: str | Path, *, held: tuple[Path, str] | None = None) -> list[str]:
    """Return the command that launches what a file of `Confinement.to_json` says.

    Args:
        held: the door of a holder, and the name under which it holds the socket that the program listens at.
    """
    return [sys.executable, "-I", "-S", str(_LAUNCH), str(file), *map(str, held or ())]


def launch(file: Path, held: Sequence[str], *, parent: int) -> NoReturn:
    """Launch what a file of `Confinement.to_json` says; for the rest see `main`."""
    wanted = Confinement.from_json(file.read_text("utf-8"))
    if file.parent == Path("/dev/fd"):
        os.close(int(file.name))  # or the program would inherit it
    if wanted.docker:
        from dz.adapters.walls.containers import launcher as of_containers  # noqa: PLC0415 - it needs this module

        of_containers.main(wanted, parent=parent, held=held)
    main(wanted, parent=parent, held=held)
