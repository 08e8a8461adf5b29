"""One fork-server as the worker sees it: takes orders, and reports how the processes of flow runs end."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from dz.settings import PROJECT_ROOT
from dz.worker.code_version import code_version

_UNKNOWN = 1
"""The exit code of a run whose fork-server died before it; the state that Prefect has of the run takes precedence."""


class ForkServerGoneError(Exception):
    """No fork-server can take an order now."""


class FlowProcess:
    """A forked child, with the interface that Prefect's process handle expects."""

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
        """Watch for its end by a pidfd, because its parent has died."""
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
        version: the version of the code that it has imported.
        channel: the socket to it.
        wait: blocks until it has ended.
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
            ForkServerGoneError: the fork-server is gone; nothing was started.
        """
        answer = self._orders[order["run"]] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.get_running_loop().sock_sendall(self._channel, json.dumps(order).encode() + b"\n")
        except OSError:
            self._lose("it closed its socket")
        return await asyncio.shield(answer)

    def retire(self) -> None:
        """Let it exit when its children have ended; their ends are still reported."""
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
        """Fail the open orders, and watch the children that outlive their fork-server."""
        self.alive = False
        for answer in (self.ready, *self._orders.values()):
            if not answer.done():
                answer.set_exception(ForkServerGoneError(f"The fork-server is gone: {why}."))
        self.ready.exception()
        self._orders.clear()
        for process in self._running.values():
            process.watch()
        self._running.clear()


def _import_path() -> list[str]:
    given = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return [str(PROJECT_ROOT), *(folder for folder in given if folder != str(PROJECT_ROOT))]
