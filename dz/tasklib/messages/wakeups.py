"""Wakes up other servers: a worker when there is new work, a parent when its child has ended."""

import time
from collections.abc import Iterator

from dz.errors import ServiceUnavailable
from dz.zoomdb import Zoomdb, notices

SLOW_SECONDS = 3.0
"""Between two checks while messages arrive: only a safety net."""
FAST_SECONDS = 0.5
"""Between two checks while no messages can be expected."""
FIRST_SECONDS = 1.0
"""Before the first check without a message."""
_WELL = "/completed"
_SOON = (0.0, 0.1, 0.4)
"""Pauses before the checks that follow a message, since it may arrive before the state that it reports is visible."""


def work_sent(zoomdb: Zoomdb, pool: str | None, queue: str | None) -> None:
    """Tell the workers of a pool that a run waits in a queue."""
    notices.send(zoomdb, notices.WORK, f"{pool}/{queue}")


def run_ended(zoomdb: Zoomdb, flow_run_id: str, *, well: bool = False) -> None:
    """Tell whoever waits for a flow run that it has ended; `well`: it is known to be completed."""
    notices.send(zoomdb, notices.ENDED, f"{flow_run_id}{_WELL if well else ''}")


def times_to_look(zoomdb: Zoomdb, flow_run_id: str, *, seconds: float, told: bool = True) -> Iterator[bool]:
    """Yield whenever it is time to check whether a flow run has ended: when a message says so, and every few seconds.

    Yields True if the message says that the run completed, so that the check can be skipped.

    Args:
        seconds: how long to go on.
        told: the run's worker announces its end, so that checking is only a safety net.
    """
    deadline = time.monotonic() + seconds
    interval = SLOW_SECONDS if told else FAST_SECONDS
    completed = f"{flow_run_id}{_WELL}"
    while time.monotonic() < deadline:
        try:
            with notices.listen(zoomdb, notices.ENDED) as heard:
                # The run may have ended before we listened.
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
