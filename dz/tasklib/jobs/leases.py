"""Leases: whoever works for a job says every few seconds that it is alive; who is silent for too long counts as dead."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func

from dz.errors import going_on

BEAT_SECONDS = 5.0
"""Seconds between two heartbeats; work that is shorter sends none."""
LEASE_SECONDS = 20.0
"""Seconds of silence after which work counts as dead, by the clock of zoomdb and while that answered."""
logger = logging.getLogger("dz.jobs")


def is_silent(heartbeat: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Return the condition that work has been silent for too long; an outage of zoomdb itself silences nobody."""
    since = func.greatest(heartbeat, func.pg_postmaster_start_time())
    return func.extract("epoch", func.clock_timestamp() - since) > LEASE_SECONDS


@contextlib.contextmanager
def kept(beat: Callable[[], object], what: str) -> Iterator[None]:
    """Call `beat` every few seconds while the block runs; an outage ends only that call.

    Args:
        beat: records that the work is alive.
        what: the work, for the log.
    """
    over = threading.Event()

    def beat_on() -> None:
        while not over.wait(BEAT_SECONDS):
            with going_on(logger, f"the heartbeat of {what}"):
                beat()

    thread = threading.Thread(target=beat_on, daemon=True, name=f"lease of {what}")
    thread.start()
    try:
        yield
    finally:
        over.set()
