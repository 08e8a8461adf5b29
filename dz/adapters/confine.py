"""`confine.py UID GID PROGRAM [ARGUMENT...]` runs a project's program so that none of its processes outlives the step.

`UserSandbox` starts it as a separate process; it is never imported. Processes that the program leaves behind, even by
`setsid` and a double fork, become children of this process and are killed. UID -1 keeps the current user.
Sources: prctl(2), PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG; threats T19, T26, T45.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

_PDEATHSIG, _SUBREAPER, _NO_NEW_PRIVS = 1, 36, 38
_CLEANING_SECONDS = 10


def main(uid: int, gid: int, argv: list[str]) -> NoReturn:
    """Run the program and end as it did: with the same exit code, or by the same signal."""
    parent = os.getppid()
    _prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _stop)
    _prctl(_PDEATHSIG, signal.SIGTERM)
    status: int = signal.SIGKILL
    try:
        if os.getppid() == parent:
            child = os.fork()
            if child == 0:
                _become(uid, gid, argv)
            status = _wait(child)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _kill_descendants()
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)


def _become(uid: int, gid: int, argv: list[str]) -> NoReturn:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if uid >= 0:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        _prctl(_NO_NEW_PRIVS, 1)
        os.execvp(argv[0], argv)  # noqa: S606 - a program of the list that the sandbox was given
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def _stop(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _wait(child: int) -> int:
    """Wait for the program itself; orphans that end in the meantime are only reaped."""
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


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
