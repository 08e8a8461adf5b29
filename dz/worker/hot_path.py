"""Things of Prefect's that every run pays for and few need, made cheap in the processes of a worker.

Each replaces a name inside one of Prefect's modules, whose version is pinned; tests/integration/test_warm_worker.py
shows that the names are still there and that all still do what they are for.
"""

import contextlib
import contextvars
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow, flow_engine, task_engine
from prefect._flow_run_suspension import FlowRunSuspensionRequest, observe_flow_run_suspension
from prefect.client.schemas.objects import FlowRun, State
from prefect.concurrency import services
from prefect.flow_engine import BaseFlowRunEngine
from prefect.logging.handlers import PrefectConsoleHandler

from dz import prefect_shortcuts, wiring
from dz.errors import ServiceUnavailable
from dz.settings import settings
from dz.tasklib.messages import wakeups
from dz.worker.descriptions import Description

LOCKS = 3
"""Those that a deploy holds at the same time: its job's, its project's and that of placement."""
SHORT_RUN = 2.0
"""Seconds that a run goes on before it is watched for being suspended: that takes a connection of its own."""


def shorten() -> None:
    """Make clients share what they trust, short runs start without a watch for suspension, no run wait at its end, and no
    task wait for a place that nobody counts.

    The thread of a run's heartbeats sleeps a second at a time, and Prefect waits for it even after the shortest subflow.
    """
    prefect_shortcuts.take()
    description = Description()
    description.put_off()
    flow_engine._send_heartbeats = functools.partial(flow_engine._send_heartbeats, join_on_exit=False)  # noqa: SLF001
    flow_engine.observe_flow_run_suspension = observe_soon  # type: ignore[attr-defined]
    task_engine._concurrency = _where_limited(task_engine._concurrency)  # type: ignore[assignment,attr-defined]  # noqa: SLF001
    for engine in (flow_engine.FlowRunEngine, flow_engine.AsyncFlowRunEngine):
        engine.call_hooks = _telling(engine.call_hooks, description)  # type: ignore[method-assign]


@contextlib.contextmanager
def observe_soon(
    flow_run_id: UUID, suspension_request: FlowRunSuspensionRequest, polling_interval: float = 10
) -> Iterator[None]:
    """Do what Prefect's function of this place does, after a moment and without making the run wait for it."""
    over = threading.Event()

    def observe() -> None:
        if not over.wait(SHORT_RUN):
            with observe_flow_run_suspension(flow_run_id, suspension_request, polling_interval):
                over.wait()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(observe,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=2)


def _where_limited(
    concurrency: Callable[..., contextlib.AbstractContextManager[None]],
) -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Enter Prefect's limits of tags only where there may be one: to learn that there is none takes it 2 ms of each task."""

    def enter(names: list[str], **options: Any) -> contextlib.AbstractContextManager[None]:
        with services._cache_lock:  # noqa: SLF001
            unlimited = services._no_limits_cache.get(frozenset(names), False)  # noqa: SLF001
        return contextlib.nullcontext() if unlimited else concurrency(names, **options)

    return enter


def _telling(call_hooks: Callable[..., Any], description: Description) -> Callable[..., Any]:
    """Tell who waits for this process's run when a final state of it was stored, which is when hooks are called."""

    @functools.wraps(call_hooks)
    def tell(engine: BaseFlowRunEngine[..., Any], state: State | None = None) -> Any:
        run = str(engine.flow_run.id) if engine.flow_run else ""
        if state and state.is_final() and run == os.environ.get("PREFECT__FLOW_RUN_ID"):
            wakeups.run_ended(wiring.zoomdb(), run, well=state.is_completed())
            description.send()
        return call_hooks(engine, state)

    return tell


def take_over(flow_run: str) -> None:
    """Let the engine begin with what is known: the flow run, as JSON, that the worker has just read, and a flow of ours.

    It reads the flow run again before it runs. A flow that lies in `flows` was imported before the fork, from the same
    file; a fork-server whose code has changed gets no more orders.
    """
    known, load = FlowRun.model_validate_json(flow_run), flow_engine.load_flow
    flow_engine.load_flow_run = lambda flow_run_id: known
    flow_engine.load_flow = lambda flow_run: _imported(os.environ.get("PREFECT__FLOW_ENTRYPOINT", "")) or load(flow_run)


def _imported(entrypoint: str) -> Flow[..., Any] | None:
    """Return the flow of an entrypoint `flows/FILE.py:NAME` below the working directory if it was imported from there."""
    file, _, name = entrypoint.rpartition(":")
    module = sys.modules.get(f"flows.{Path(file).stem}")
    if module is None or not module.__file__ or Path(module.__file__).resolve() != Path(file).resolve():
        return None
    found = getattr(module, name, None)
    return found if isinstance(found, Flow) else None


def print_nothing() -> None:
    """Take the handlers away that print a log, for a run whose output nobody reads: each line costs some milliseconds."""
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            logger.handlers = [one for one in logger.handlers if not isinstance(one, PrefectConsoleHandler)]


def connect_early() -> None:
    """Open the connections to zoomdb that almost every run needs, while the engine talks with Prefect's server."""

    def connect() -> None:
        with contextlib.suppress(ServiceUnavailable):
            wiring.zoomdb().connect(locks=LOCKS if settings().role == "build" else 1)

    threading.Thread(target=connect, daemon=True).start()
