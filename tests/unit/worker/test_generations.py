"""The worker notices what becomes of a fork-server and of the processes that it forked."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Coroutine
from typing import Any

import pytest

from dz.worker.generations import FlowProcess, ForkServerGoneError, Generation


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


def test_a_process_is_followed_from_its_order_to_its_exit_code() -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        generation = Generation(1, ours, lambda: None)
        asked = asyncio.create_task(generation.fork({"run": "a"}))
        await asyncio.sleep(0)
        order = await asyncio.to_thread(theirs.recv, 1000)
        assert json.loads(order) == {"run": "a"}
        theirs.sendall(b'{"run": "a", "pid": 7}\n{"run": "a", "ended": 7, ')
        process = await asked
        assert (process.pid, process.returncode) == (7, None)
        theirs.sendall(b'"code": 3}\n')
        await process.wait()
        assert process.returncode == 3
        theirs.close()
        await generation.reading

    _run(work())


def test_a_fork_server_that_refuses_or_is_gone_says_so() -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        generation = Generation(1, ours, lambda: None)
        asked = asyncio.create_task(generation.fork({"run": "a"}))
        await asyncio.sleep(0)
        theirs.sendall(b'{"run": "a", "refused": "no memory"}\n')
        with pytest.raises(ForkServerGoneError, match="no memory"):
            await asked
        theirs.close()
        await generation.reading
        assert not generation.alive

    _run(work())


def test_the_end_of_a_process_is_noticed_without_its_parent() -> None:
    async def work(program: "subprocess.Popen[bytes]") -> None:
        process = FlowProcess(program.pid)
        process.watch()
        assert process.returncode is None
        program.kill()
        await process.wait()
        assert process.returncode == 1

    with subprocess.Popen(["sleep", "600"]) as program:
        _run(work(program))
