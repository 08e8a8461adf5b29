"""Listens for work: a thread waits for messages on zoomdb and wakes the worker's event loop."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

from prefect.logging import get_logger

from dz.errors import ServiceUnavailable
from dz.zoomdb import Zoomdb, notices

DEAF_SECONDS = 1.0
"""Seconds between two polls while zoomdb does not answer, the same as the process worker's."""
PAUSE_SECONDS = 0.02
"""The least seconds between two polls, so that a flood of messages costs little."""
logger = get_logger("warm_worker")


class Listener:
    """Messages about work for one pool.

    Args:
        queues: the queues that this worker polls; empty: all.
    """

    def __init__(self, zoomdb: Zoomdb, pool: str, queues: set[str]) -> None:
        self._zoomdb = zoomdb
        self._wanted = {f"{pool}/{queue}" for queue in queues}
        self._pool = f"{pool}/"
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self._stopped = False

    async def told(self) -> AsyncIterator[None]:
        """Yield whenever there may be work: a message says so, or messages may have been missed."""
        threading.Thread(target=self._listen_for_ever, daemon=True, name="listener").start()
        try:
            while True:
                await self._told.wait()
                self._told.clear()
                yield
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._stopped = True

    def _listen_for_ever(self) -> None:
        heard = True
        while not self._stopped:
            try:
                with notices.listen(self._zoomdb, notices.WORK) as messages:
                    if not heard:
                        logger.info("Messages about work are received again.")
                    heard = True
                    self.tell()
                    self._pass_on(messages)
            except ServiceUnavailable:
                if heard:
                    logger.warning("Messages about work are not received: zoomdb does not answer. Work is polled for.")
                heard = False
                self.tell()
                time.sleep(DEAF_SECONDS)

    def _pass_on(self, messages: notices.Notices) -> None:
        while not self._stopped:
            for queue in messages.wait(30):
                if queue in self._wanted or (not self._wanted and queue.startswith(self._pool)):
                    self.tell()

    def tell(self) -> None:
        """Make the worker poll for work."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told.set)
