"""Three things of Prefect's that every run pays for and few need, made cheap in the processes of a worker.

Each replaces a name inside one of Prefect's modules, whose version is pinned; tests/integration/test_warm_worker.py
shows that the names are still there and that all still do what they are for.
"""

import contextlib
import contextvars
import functools
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import certifi
from prefect import flow_engine
from prefect._flow_run_suspension import FlowRunSuspensionRequest, observe_flow_run_suspension
from prefect.client import orchestration
from prefect.client.schemas.objects import State
from prefect.flow_engine import BaseFlowRunEngine

from dz import wiring
from dz.tasklib import wakeups

SHORT_RUN = 2.0
"""Seconds that a run goes on before it is watched for being suspended: that takes a connection of its own."""


def shorten() -> None:
    """Make clients share what they trust, short runs start without a watch for suspension, and no run wait at its end.

    The thread of a run's heartbeats sleeps a second at a time, and Prefect waits for it even after the shortest subflow.
    """
    _trusting(certifi.where())
    orchestration.ssl = _TlsOnce()  # type: ignore[assignment,attr-defined]
    flow_engine._send_heartbeats = functools.partial(flow_engine._send_heartbeats, join_on_exit=False)  # noqa: SLF001
    flow_engine.observe_flow_run_suspension = observe_soon  # type: ignore[attr-defined]
    for engine in (flow_engine.FlowRunEngine, flow_engine.AsyncFlowRunEngine):
        engine.call_hooks = _telling(engine.call_hooks)  # type: ignore[method-assign]


class _TlsOnce:
    """The module `ssl`, but a file of certificates is loaded once, not 20 ms for each of a run's five clients."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ssl, name)

    @staticmethod
    def create_default_context(*, cafile: str | None = None) -> ssl.SSLContext:
        """Return a context of one's own if no file is given, since Prefect then turns its checks off."""
        return _trusting(cafile) if cafile else ssl.create_default_context()


@functools.lru_cache(maxsize=4)
def _trusting(cafile: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=cafile)


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


def _telling(call_hooks: Callable[..., Any]) -> Callable[..., Any]:
    """Tell who waits for this process's run when a final state of it was stored, which is when hooks are called."""

    @functools.wraps(call_hooks)
    def tell(engine: BaseFlowRunEngine[..., Any], state: State | None = None) -> Any:
        run = str(engine.flow_run.id) if engine.flow_run else ""
        if state and state.is_final() and run == os.environ.get("PREFECT__FLOW_RUN_ID"):
            wakeups.run_ended(wiring.zoomdb(), run)
        return call_hooks(engine, state)

    return tell
