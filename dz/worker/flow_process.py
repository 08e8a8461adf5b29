"""Turns a forked child into what `python -m prefect.engine` would be in a fresh process."""

import atexit
import contextlib
import ctypes
import logging
import os
import runpy
import sys
import threading
import traceback
from typing import Any, NoReturn

from prefect.logging.handlers import PrefectConsoleHandler

from dz import wiring
from dz.errors import ServiceUnavailable
from dz.settings import settings
from dz.worker.internals import hooks, loaded_flow, related_objects

LOCKS = 2
"""The locks that a deploy holds at the same time: its job's and placement's."""
_NAME, _SUBREAPER = 15, 36


def name_process(name: str) -> None:
    """Give this process a name for `ps` and `top`, of 15 bytes at most."""
    _prctl(_NAME, name.encode())


def collect_orphans() -> None:
    """Become the parent of orphans that descendants leave behind."""
    _prctl(_SUBREAPER, 1)


def become(order: dict[str, Any]) -> NoReturn:
    """Execute the flow run of an order, and exit with the exit code of Prefect's engine.

    Args:
        order: `own` (variables of this run alone), `folder` (the working directory), `shown` (stream the output),
            `flow_run` (as JSON) and `objects` (Prefect's objects around the run, which it then need not request).
    """
    code = 1
    try:
        _take_place(order)
        if hooks.present(related_objects):
            related_objects.remember(order["objects"])
        if hooks.present(loaded_flow):
            loaded_flow.begin_with(order["flow_run"])
        _connect_early()
        # The engine must run as a program, though it may already be imported as a module.
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
    """Set the process group, streams, variables and working directory of the run."""
    os.setpgid(0, 0)
    name_process("dz-flow-run")
    # Orphans of the run's programs become our children, and the fork-server kills them once we have ended.
    collect_orphans()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0,) if order["shown"] else (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    if not order["shown"]:
        _print_nothing()
    os.environ.update(order["own"])
    os.chdir(order["folder"])
    sys.argv = ["prefect.engine"]
    sys.path[0] = order["folder"]


def _print_nothing() -> None:
    """Remove the log handlers that print, in a run whose output nobody reads: each line costs some milliseconds."""
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            logger.handlers = [one for one in logger.handlers if not isinstance(one, PrefectConsoleHandler)]


def _connect_early() -> None:
    """Open the connections to zoomdb that almost every run needs, while the engine talks with Prefect's server."""

    def connect() -> None:
        with contextlib.suppress(ServiceUnavailable):
            wiring.zoomdb().connect(locks=LOCKS if settings().role == "build" else 1)

    threading.Thread(target=connect, daemon=True).start()


def _leave(code: int) -> NoReturn:
    """Exit as an interpreter does, but without tearing down what is shared with the fork-server."""
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
