"""Finds and ends processes of a stack that outlived their supervisor."""

import os
import sys
from pathlib import Path

import psutil


def find(*, stack: str, state: Path) -> list[psutil.Process]:
    """Return the processes that carry the mark of a stack, or run without a terminal in its folder.

    Args:
        stack: the name in their environment's DZ_STACK.
        state: the stack's folder.
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in spared and _ours(process, stack, state)]


def end(processes: list[psutil.Process], *, timeout: float = 20) -> None:
    """End processes, oldest first so that parents end their children; kill those that remain after `timeout` s."""
    for process in sorted(processes, key=lambda process: process.create_time()):
        try:
            # SIGINT is PostgreSQL's fast shutdown; on SIGTERM it would wait for its clients.
            process.send_signal(2 if process.name() == "postgres" else 15)
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(processes, timeout=timeout)
    for process in alive:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(alive, timeout=5)


def _ours(process: psutil.Process, stack: str, state: Path) -> bool:
    try:
        if process.environ().get("DZ_STACK") == stack:
            return True
    except (psutil.Error, OSError):
        pass
    try:
        program, cwd, words = process.exe(), process.cwd(), process.cmdline()
        if process.terminal():
            return False
    except (psutil.Error, OSError):
        return False
    below = f"{state}/"
    return cwd.startswith(f"{below}servers/") or (
        program.startswith(f"{sys.prefix}/") and any(below in word for word in words)
    )
