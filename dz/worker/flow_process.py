"""A forked child becomes what `python -m prefect.engine` would be in a fresh process."""

import atexit
import ctypes
import os
import runpy
import sys
import threading
import traceback
from typing import Any, NoReturn

from dz.worker.hot_path import connect_early, print_nothing, take_over
from dz.worker.known import remember

_NAME, _SUBREAPER = 15, 36


def name_process(name: str) -> None:
    """Give this process a name for `ps` and `top`, of 15 bytes at most."""
    _prctl(_NAME, name.encode())


def collect_orphans() -> None:
    """Become the parent of what descendants leave behind when they end."""
    _prctl(_SUBREAPER, 1)


def become(order: dict[str, Any]) -> NoReturn:
    """Run the flow run that an order names, and leave with the exit code that the engine would leave with.

    Args:
        order: `own` (variables of this run alone), `folder` (the working directory), `shown` (stream the output), `flow_run`
            (as JSON), and what `known.remember` takes.
    """
    code = 1
    try:
        _take_place(order)
        remember(order["objects"], **order["facts"])
        take_over(order["flow_run"])
        connect_early()
        # It runs as a program now; as a module it may have been imported before.
        sys.modules.pop("prefect.engine", None)
        runpy.run_module("prefect.engine", run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - it is what an interpreter prints before it ends
        traceback.print_exc()
    finally:
        _leave(code)


def _take_place(order: dict[str, Any]) -> None:
    """Take on group, streams, variables and folder of the run."""
    os.setpgid(0, 0)
    name_process("dz-flow-run")
    # What the run's programs leave behind becomes ours, and the fork-server ends it with us.
    collect_orphans()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0,) if order["shown"] else (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    if not order["shown"]:
        print_nothing()
    os.environ.update(order["own"])
    os.chdir(order["folder"])
    sys.argv = ["prefect.engine"]
    sys.path[0] = order["folder"]


def _leave(code: int) -> NoReturn:
    """End as an interpreter does, without taking apart what is shared with the fork-server."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
        atexit._run_exitfuncs()  # noqa: SLF001
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _prctl(option: int, value: int | bytes) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")
