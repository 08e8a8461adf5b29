"""`first.py`: the first program of a container, before any code of a project and for as long as the container runs.

It gets the program and its descriptors from the launcher outside, over the socket `control`, prepares the network, gives every
right up, and looks whether its walls stand. Then it starts the program, and ends with it, or with the connection to
the launcher: when that dies, so does everything within. Like `walls/inside.py`, it takes only Python 3.6 and its library.
Sources: capabilities(7), seccomp(2), pid_namespaces(7).
"""

import array
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import inside  # type: ignore[import-not-found]  # it lies beside this file in a container

_CONTROL = "/run/dz/control"
_LISTENER, _ABOVE = 3, 20
_BOUNDING_DROP, _DUMPABLE, _SECCOMP, _FILTER = 24, 4, 22, 2
_KILLED = 137
_NO_WALLS_CODE = 125
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def main() -> None:
    """Run the program that the launcher outside wants, and end as it did."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(_CONTROL)
    descriptors = _received(control)
    with os.fdopen(descriptors[0], "rb") as file:
        job = json.load(file)  # type: dict[str, Any]
    for number, stream in enumerate(descriptors[1:4]):
        os.dup2(stream, number)
        os.close(stream)
    try:
        sockets = inside.opened(job)
        _give_up_rights(job)
        _look()
        inside.hand_over(control, sockets)
    except OSError as error:
        os.write(2, ("the container: " + str(error) + "\n").encode())
        os._exit(_NO_WALLS_CODE)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # which the first process of a namespace does not even get from within
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, _nothing)
    child = os.fork()
    if child == 0:
        _become(job, descriptors[4:])
    for descriptor in descriptors[4:]:
        os.close(descriptor)
    _watch(child, control, woken)


def _received(control: socket.socket) -> "list[int]":
    """Return the descriptors that come: the job's, three streams, doors of control groups, perhaps what listens."""
    found = array.array("i")
    _, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(16 * found.itemsize))
    for _, _, content in ancillary:
        found.frombytes(content)
    raised = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for number in found]
    for number in found:
        os.close(number)
    return raised


def _give_up_rights(job: "dict[str, Any]") -> None:
    """Become the user, without capabilities and any way to them, and refuse the system calls of the filter."""
    library = ctypes.CDLL(None, use_errno=True)
    for number in range(64):
        if library.prctl(_BOUNDING_DROP, number, 0, 0, 0) != 0:
            break  # there are no more
    uid, gid = job["user"]
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    inside.give_up_rights()
    library.prctl(_DUMPABLE, 0, 0, 0, 0)  # or the program, of the same user, could take this process over
    rules = bytes.fromhex(job["filter"])
    if rules:
        buffer = ctypes.create_string_buffer(rules, len(rules))
        program = _Program(len(rules) // 8, ctypes.cast(buffer, ctypes.c_void_p))
        if library.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the filter of system calls is refused")


class _Program(ctypes.Structure):
    """The struct sock_fprog of seccomp(2)."""

    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _look() -> None:
    """See from within that the walls stand, whatever the engine was asked for; raises OSError if they do not."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    users = Path("/proc/self/uid_map").read_text("ascii").split()
    wanted = [
        (all(int(status[name], 16) == 0 for name in _CAPABILITIES), "the program would have capabilities"),
        (status["NoNewPrivs"] == "1", "the program could gain new rights"),
        (status["Seccomp"] == "2", "there is no filter of system calls"),
        (users[:2] == ["0", "0"], "the engine gives users other numbers (userns-remap, rootless)"),
        (os.getpid() == 1, "its processes are not its own"),
        (bool(os.statvfs("/").f_flag & os.ST_RDONLY), "its root folder can be written to"),
        (_ways() <= {"lo"}, "its network is connected to others"),
    ]
    for holds, otherwise in wanted:
        if not holds:
            raise OSError(otherwise)


def _ways() -> "set[str]":
    """Return the interfaces over which there are routes."""
    found = set()
    for path, column, heading in (("/proc/net/route", 0, 1), ("/proc/net/ipv6_route", -1, 0)):
        try:
            lines = Path(path).read_text("ascii").splitlines()[heading:]
        except FileNotFoundError:
            continue
        found |= {line.split()[column] for line in lines if line.split()}
    return found


def _become(job: "dict[str, Any]", handed: "list[int]") -> None:
    """Become the program; `handed` are the doors of its control groups and what listens."""
    argv = job["argv"]
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for group in handed[: job["groups"]]:
            os.write(group, b"0")  # this process enters, and what it starts is in it, too
        for listener in handed[job["groups"] :]:
            os.dup2(listener, _LISTENER)
        os.umask(0o022)
        os.chdir(job["cwd"])
        for kind, value in job["limits"]:
            resource.setrlimit(kind, (value, value))
        os.execvpe(argv[0], argv, job["environment"])  # noqa: S606 - the program of the project, by argument list
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _watch(child: int, control: socket.socket, woken: int) -> None:
    """Wait for the program, reap orphans, pass a wish to end on, and end with the launcher."""
    while True:
        ends = [control, woken]  # type: list[Any]
        ready = select.select(ends, [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
        if control in ready:
            if not control.recv(16):
                os._exit(_KILLED)
            os.kill(child, signal.SIGTERM)
        _reap(child)


def _reap(child: int) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == child:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        if pid == 0:
            return


def _nothing(number: int, frame: object) -> None:
    """Only wake the process up."""


if __name__ == "__main__":
    main()
