"""Spares waiting between servers: a worker is told of new work, a parent of the end of its child."""

import time
from collections.abc import Iterator

from dz.errors import ServiceUnavailable
from dz.zoomdb import Zoomdb, notices

SLOW_SECONDS = 3.0
"""Between two looks while messages are received: the safety net."""
FAST_SECONDS = 0.5
"""Between two looks while they cannot."""
FIRST_SECONDS = 1.0
"""Before the first look without a message."""
_WELL = "/completed"
_SOON = (0.0, 0.1, 0.4)
"""Before looks after a message, which may have overtaken what it is about."""


def work_sent(zoomdb: Zoomdb, pool: str | None, queue: str | None, flow_run_id: str) -> None:
    """Tell the workers of a pool that a run waits in a queue."""
    notices.send(zoomdb, notices.WORK, f"{pool}/{queue}/{flow_run_id}")


def run_ended(zoomdb: Zoomdb, flow_run_id: str, *, well: bool = False) -> None:
    """Tell whoever waits for a flow run that it has ended; `well`: it is known to be completed."""
    notices.send(zoomdb, notices.ENDED, f"{flow_run_id}{_WELL if well else ''}")


def times_to_look(zoomdb: Zoomdb, flow_run_id: str, *, seconds: float, told: bool = True) -> Iterator[bool]:
    """Yield whenever it is time to ask whether a flow run has ended: when it says so, and now and then.

    What is yielded says whether the run has said that it is completed, so that nobody need ask.

    Args:
        seconds: after which this ends.
        told: the worker of the run tells of its end, so that looking is the safety net only.
    """
    deadline = time.monotonic() + seconds
    interval = SLOW_SECONDS if told else FAST_SECONDS
    completed = f"{flow_run_id}{_WELL}"
    while time.monotonic() < deadline:
        try:
            with notices.listen(zoomdb, notices.ENDED) as heard:
                # It may have ended before we listened.
                patience = min(interval, FIRST_SECONDS)
                while time.monotonic() < deadline:
                    ended = heard.wait(patience, wanted=flow_run_id)
                    patience = interval
                    for pause in _SOON if ended else (0.0,):
                        time.sleep(pause)
                        yield completed in ended
        except ServiceUnavailable:
            yield False
            time.sleep(FAST_SECONDS)
