"""`python -m infra.local.begin [OPTION...] -- PROGRAM [ARGUMENT...]` becomes a program, once its predecessor is gone.

A server that is killed leaves its children behind: nginx's workers keep its ports, PostgreSQL's its shared memory, and
the next start fails on them for ever. Whoever works in the folder that is a program's alone belongs to it.
"""

import argparse
import contextlib
import os
import pwd
import signal
import sys
import time
from pathlib import Path

import psutil

PATIENCE = 5.0
"""Seconds that what is left of a predecessor may take to end, or to give up its ports."""


def main(argv: list[str]) -> None:
    """End what a predecessor has left, become the user, then the program."""
    ask = argparse.ArgumentParser(prog="python -m infra.local.begin", description=__doc__)
    ask.add_argument("--folder", type=Path, required=True, help="where only this program and its children work")
    ask.add_argument("--drains", action="store_true", help="what has given up its ports may answer its last requests")
    ask.add_argument("--pid-file", type=Path, help="removed, because whoever it names is gone")
    ask.add_argument("--user", help="the Unix user to become")
    ask.add_argument("program", nargs="+")
    given = ask.parse_args(argv)
    end(left_behind(given.folder), drains=given.drains)
    if given.pid_file:
        # After a reboot its number may be that of any process, and PostgreSQL would not start.
        given.pid_file.unlink(missing_ok=True)
    if given.user:
        _become(given.user)
    os.environ.pop("PYTHONPATH", None)
    os.execv(given.program[0], given.program)  # noqa: S606 - by argument list


def left_behind(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder, without this one and its ancestors."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in spared and _works_in(process, folder)]


def end(processes: list[psutil.Process], *, drains: bool) -> None:
    """End processes; SIGQUIT asks nginx's workers to finish, and has PostgreSQL's end at once.

    Args:
        drains: those that listen nowhere any more may go on.
    """
    _signal(processes, signal.SIGQUIT)
    deadline = time.monotonic() + PATIENCE
    while (waiting := [one for one in processes if _holds_on(one, drains=drains)]) and time.monotonic() < deadline:
        psutil.wait_procs(waiting, timeout=0.02)
    _signal(waiting, signal.SIGKILL)
    psutil.wait_procs(waiting, timeout=PATIENCE)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):  # psutil makes sure that the number is still that of this process
            process.send_signal(number)


def _holds_on(process: psutil.Process, *, drains: bool) -> bool:
    try:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not drains or any(one.status == psutil.CONN_LISTEN for one in process.net_connections("tcp"))
    except psutil.Error:
        return False


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


if __name__ == "__main__":
    main(sys.argv[1:])
