"""The worker's end of its fork-servers: starts them, replaces them when code changes, and waits for their children."""

import asyncio
import contextlib
import functools
import gc
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from prefect.logging import get_logger

from dz.settings import PROJECT_ROOT
from dz.worker import fork_server
from dz.worker.code_version import code_version

READY_SECONDS = 90
"""How long a fork-server may import."""
END_SECONDS = 5
"""How long a fork-server without children may take to end."""
RETRY_SECONDS = 20
"""After a fork-server that did not start: runs start cold in the meantime."""
_UNKNOWN = 1
"""The exit code of a run whose fork-server died before it; Prefect's own word on the run goes first."""
logger = get_logger("warm_worker")


class ForkServerGoneError(Exception):
    """No fork-server can take an order now."""


class FlowProcess:
    """A forked child, as Prefect's handle of a process wants it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    def end(self, code: int) -> None:
        """Note the exit code."""
        if self.returncode is None:
            self.returncode = code
        self._ended.set()

    async def wait(self) -> None:
        """Wait until the process has ended."""
        await self._ended.wait()

    def watch(self) -> None:
        """Notice its end without its parent, which has died."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            self.end(_UNKNOWN)
            return
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self.end(_UNKNOWN)

        loop.add_reader(descriptor, ended)


class Generation:
    """One fork-server and its children; it shares nothing with its successor.

    Args:
        version: of the code that it has imported.
        channel: connected to it.
        wait: waits until it has ended.
    """

    def __init__(self, version: int, channel: socket.socket, wait: Callable[[], object]) -> None:
        self.version = version
        self.ready = asyncio.get_running_loop().create_future()
        self.alive = True
        self._wait = wait
        self._orders: dict[str, asyncio.Future[FlowProcess]] = {}
        self._running: dict[int, FlowProcess] = {}
        self._channel = channel
        self.reading = asyncio.create_task(self._read())

    @classmethod
    def begin(cls) -> "Generation":
        """Start a fork-server in a fresh interpreter."""
        version = code_version(PROJECT_ROOT)
        ours, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-m", "dz.worker.fork_server", str(theirs.fileno())]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _import_path()))}
            process = subprocess.Popen(
                words, cwd=PROJECT_ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        return cls(version, ours, process.wait)

    async def fork(self, order: dict[str, Any]) -> FlowProcess:
        """Have a child forked for an order and return it.

        Raises:
            ForkServerGoneError: there is none; nothing was started.
        """
        answer = self._orders[order["run"]] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.get_running_loop().sock_sendall(self._channel, json.dumps(order).encode() + b"\n")
        except OSError:
            self._lose("it closed its socket")
        return await asyncio.shield(answer)

    def retire(self) -> None:
        """Let it end when its children have; their ends are still noticed."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)

    async def _read(self) -> None:
        loop, pending = asyncio.get_running_loop(), b""
        self._channel.settimeout(0)
        while True:
            try:
                received = await loop.sock_recv(self._channel, 1 << 16)
            except OSError:
                received = b""
            if not received:
                break
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                self._hear(json.loads(line))
        self._lose("it ended")
        self._channel.close()
        await asyncio.to_thread(self._wait)

    def _hear(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready.set_result(int(message["megabytes"]))
        elif "ended" in message:
            if process := self._running.pop(message["ended"], None):
                process.end(message["code"])
        else:
            answer = self._orders.pop(message["run"], None)
            if "pid" in message:
                process = self._running[message["pid"]] = FlowProcess(message["pid"])
                if answer and not answer.done():
                    answer.set_result(process)
            elif answer and not answer.done():
                answer.set_exception(ForkServerGoneError(message["refused"]))

    def _lose(self, why: str) -> None:
        """Refuse open orders, and watch the children that outlive their fork-server."""
        self.alive = False
        for answer in (self.ready, *self._orders.values()):
            if not answer.done():
                answer.set_exception(ForkServerGoneError(f"The fork-server is gone: {why}."))
        self.ready.exception()
        self._orders.clear()
        for process in self._running.values():
            process.watch()
        self._running.clear()


_early: tuple[int, socket.socket, int] | None = None


def fork_early() -> None:
    """Fork the first fork-server from this process, before it has threads: both share what they have imported."""
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
    """The fork-server of the present code, and older ones whose children still run."""

    def __init__(self) -> None:
        self._current: Generation | None = None
        self._turn = asyncio.Lock()
        self._failed, self._retry = 0, 0.0
        self._readings: set[asyncio.Task[None]] = set()

    async def fork(self, order: dict[str, Any]) -> FlowProcess:
        """Fork a child for an order, from the code as it is on disk now.

        Raises:
            ForkServerGoneError: no fork-server starts.
        """
        try:
            return await (await self.current()).fork(order)
        except ForkServerGoneError:
            # It may have died since the last order; a second one that dies at once has a reason.
            return await (await self.current()).fork(order)

    async def current(self) -> Generation:
        """Return the fork-server of the present code, started if need be."""
        async with self._turn:
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
        """End the present fork-server, whose children have ended, and wait for the end of it and its predecessors."""
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


def _import_path() -> list[str]:
    given = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return [str(PROJECT_ROOT), *(folder for folder in given if folder != str(PROJECT_ROOT))]
