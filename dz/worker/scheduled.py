"""Notices, by Prefect's own events, runs that are scheduled without a message of ours, in Prefect's UI for example."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from uuid import UUID

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter
from prefect.logging import get_logger

AGAIN_SECONDS = 5.0
"""Seconds between two attempts to reach Prefect's events."""
SETTLE_SECONDS = 0.3
"""Seconds from an event to the poll: a run that a message of ours announced has been found by then."""
_NAMES = ["prefect.flow-run.Scheduled", "prefect.flow-run.Resuming", "prefect.flow-run.Late"]
logger = get_logger("warm_worker")


class Scheduled:
    """Events about the work of one pool.

    Args:
        pool: returns the pool's id, or None as long as it is not known.
    """

    def __init__(self, pool: Callable[[], UUID | None]) -> None:
        self._pool = pool
        self._seen: dict[UUID, float] = {}

    def seen(self, runs: Iterable[UUID]) -> None:
        """Note runs that were already found, so that their events are ignored."""
        now = time.monotonic()
        self._seen = {run: at for run, at in self._seen.items() if now - at < 5} | dict.fromkeys(runs, now)

    async def told(self) -> AsyncIterator[None]:
        """Yield whenever there may be work that was not found otherwise."""
        while True:
            if pool := self._pool():
                try:
                    async for _ in self._news(pool):
                        yield
                except Exception as error:  # noqa: BLE001 - whatever it is, work is polled for
                    logger.debug("Prefect's events are not received: %r", error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _news(self, pool: UUID) -> AsyncIterator[None]:
        ours = EventFilter(
            event=EventNameFilter(name=_NAMES), any_resource=EventAnyResourceFilter(id=[f"prefect.work-pool.{pool}"])
        )
        async with get_events_subscriber(filter=ours, reconnection_attempts=0) as events:
            async for event in events:
                await asyncio.sleep(SETTLE_SECONDS)
                if UUID(event.resource.id.removeprefix("prefect.flow-run.")) not in self._seen:
                    yield
