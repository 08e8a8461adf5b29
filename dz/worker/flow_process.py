"""A forked child becomes what `python -m prefect.engine` would be in a fresh process."""

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

LOCKS = 3
"""Those that a deploy holds at the same time: its job's, its project's and that of placement."""
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
        order: `own` (variables of this run alone), `folder` (the working directory), `shown` (stream the output),
            `flow_run` (as JSON) and `objects` (those around it, for which it need not ask Prefect's server).
    """
    code = 1
    try:
        _take_place(order)
        if hooks.present(related_objects):
            related_objects.remember(order["objects"])
        if hooks.present(loaded_flow):
            loaded_flow.begin_with(order["flow_run"])
        _connect_early()
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
        _print_nothing()
    os.environ.update(order["own"])
    os.chdir(order["folder"])
    sys.argv = ["prefect.engine"]
    sys.path[0] = order["folder"]


def _print_nothing() -> None:
    """Take the handlers away that print a log, for a run whose output nobody reads: each line costs some milliseconds."""
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
