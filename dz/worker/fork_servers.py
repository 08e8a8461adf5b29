"""The fork-servers of a worker: starts them, and replaces them when they die or the code changes."""

import asyncio
import functools
import gc
import os
import socket
import time
from typing import Any

from prefect.logging import get_logger

from dz.settings import PROJECT_ROOT
from dz.worker import fork_server
from dz.worker.code_version import code_version
from dz.worker.generations import FlowProcess, ForkServerGoneError, Generation

READY_SECONDS = 90
"""How long a fork-server may take to import everything."""
END_SECONDS = 5
"""How long a fork-server without children may take to end."""
RETRY_SECONDS = 20
"""How long to wait after a fork-server that did not start; runs start cold in the meantime."""
logger = get_logger("warm_worker")
_early: tuple[int, socket.socket, int] | None = None


def fork_early() -> None:
    """Fork the first fork-server from this process, before it has threads, so that both share what is imported."""
    global _early  # noqa: PLW0603 - it is taken over once, by the worker of this process
    version = code_version(PROJECT_ROOT)
    fork_server.preload()
    ours, theirs = socket.socketpair()
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        fork_server.serve_and_exit(theirs, ours)
    theirs.close()
    _early = (version, ours, pid)


class ForkServers:
    """The fork-server of the current code, and older ones whose children still run."""

    def __init__(self) -> None:
        self._current: Generation | None = None
        self._lock = asyncio.Lock()
        self._failed, self._retry = 0, 0.0
        self._readings: set[asyncio.Task[None]] = set()

    async def fork(self, order: dict[str, Any]) -> FlowProcess:
        """Fork a child for an order, from the code as it is on disk now.

        Raises:
            ForkServerGoneError: no fork-server could be started.
        """
        try:
            return await (await self.current()).fork(order)
        except ForkServerGoneError:
            # It may have died since the last order, so try once more; a second one that dies at once is no accident.
            return await (await self.current()).fork(order)

    async def current(self) -> Generation:
        """Return the fork-server of the current code, started if necessary."""
        async with self._lock:
            version = code_version(PROJECT_ROOT)
            if self._current and self._current.alive and self._current.version == version:
                return self._current
            if version == self._failed and time.monotonic() < self._retry:
                raise ForkServerGoneError("The fork-server did not start a moment ago.")
            if self._current and self._current.alive:
                logger.info("The code has changed: a new fork-server replaces the old one, whose runs go on.")
                self._current.retire()
            self._current = await self._begin()
            return self._current

    async def _begin(self) -> Generation:
        generation = _take_early() or Generation.begin()
        self._readings = {one for one in self._readings if not one.done()} | {generation.reading}
        begun = time.monotonic()
        try:
            megabytes = await asyncio.wait_for(asyncio.shield(generation.ready), READY_SECONDS)
        except (ForkServerGoneError, TimeoutError) as error:
            self._failed, self._retry = generation.version, time.monotonic() + RETRY_SECONDS
            generation.retire()
            raise ForkServerGoneError(f"The fork-server did not start ({error}).") from error
        logger.info("The fork-server is warm: %s MB, %.1f s.", megabytes, time.monotonic() - begun)
        return generation

    async def close(self) -> None:
        """Retire the current fork-server, whose children have ended, and wait for it and its predecessors to exit."""
        if self._current:
            self._current.retire()
        if self._readings:
            await asyncio.wait(self._readings, timeout=END_SECONDS)


def _take_early() -> Generation | None:
    global _early
    found, _early = _early, None
    if found is None:
        return None
    version, channel, pid = found
    return Generation(version, channel, functools.partial(os.waitpid, pid, 0))
