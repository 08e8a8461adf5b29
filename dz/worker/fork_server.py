"""The fork-server: one warm, single-threaded process that forks a child for each flow run.

It has imported Prefect and everything that flows import, and holds no event loop, thread, connection or client: a
child starts as a fresh process would, without the seconds that the imports take. Orders come as JSON lines over a
socket; the answers are the child's pid and, when it ends, its exit code.
Sources: fork(2), prctl(2) PR_SET_CHILD_SUBREAPER.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from dz.prefect_environment import prepare

# Prefect reads the environment when it is imported.
prepare()

import boto3  # noqa: E402
from prefect.context import refresh_global_settings_context  # noqa: E402
from prefect.logging.configuration import setup_logging  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from sqlalchemy.orm import configure_mappers  # noqa: E402

from dz.adapters import interpreters  # noqa: E402
from dz.settings import settings  # noqa: E402
from dz.worker.flow_process import become, collect_orphans, name_process  # noqa: E402
from dz.worker.internals import hooks  # noqa: E402

PRELOADED = (
    *("prefect.flow_engine", "prefect.task_engine", "prefect.main"),
    *("prefect.client.orchestration", "prefect.deployments.flow_runs", "prefect.deployments.steps.core"),
    *("prefect.events.worker", "prefect.events.clients", "prefect.logging.handlers", "prefect.logging.configuration"),
    *("prefect.runner.storage", "prefect.filesystems", "prefect.artifacts", "prefect.concurrency.sync"),
    *("anyio._backends._asyncio", "encodings.idna", "rich._emoji_codes"),
    *("sqlalchemy.dialects.postgresql.psycopg2", "psycopg2.extensions", "boto3", "botocore.client"),
    *("dz.wiring", "dz.worker.flow_process"),
)
"""What is imported before the first fork, besides every module of `flows` and `tasks` and what Prefect's engine imports."""


def preload() -> None:
    """Import what flow runs need; must start no thread and open no connection."""
    for name in PRELOADED:
        importlib.import_module(name)
    hooks.replace()
    for hook in hooks.HOOKS:
        hooks.present(hook)  # asked once, not by each run
    for package in ("tasks", "flows"):
        found = importlib.import_module(package)
        for module in pkgutil.iter_modules(found.__path__):
            importlib.import_module(f"{package}.{module.name}")
    _complete(BaseModel)
    # Cache what each run would otherwise find out again: how tables refer to each other, the Pythons of this server,
    # and what boto3 reads from its own files.
    configure_mappers()
    interpreters.available()
    boto3.client("s3", region_name="none", aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106 - no secret


def _complete(model: type[BaseModel]) -> None:
    """Build the validators that Prefect's models defer until first use, which would cost each run 20 ms."""
    for known in model.__subclasses__():
        if not known.__pydantic_complete__:
            known.model_rebuild(raise_errors=False)
        _complete(known)


def take_on(environment: dict[str, str]) -> None:
    """Replace this process's whole environment, and forget the settings read from the previous one."""
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    # Prefect reads both from the environment on import; doing it here saves 0.1 s of each run with this environment.
    refresh_global_settings_context()
    setup_logging(incremental=False)


class ForkServer:
    """Forks children on request, and reports how they end.

    Args:
        channel: the socket to the worker.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._pending = b""
        self._children: dict[int, str] = {}
        self._environment: dict[str, str] = {}
        self._orders_over = False
        self._woken, self._waker = os.pipe()

    def serve(self) -> None:
        """Serve until the worker closes its side, then until the last child has ended."""
        if threading.active_count() != 1:
            raise RuntimeError(f"Threads run before the first fork: {threading.enumerate()}.")
        collect_orphans()
        name_process("dz-fork-server")
        self._listen_to_signals()
        # The garbage collector never touches again what exists now, so its pages stay shared with children.
        gc.collect()
        gc.freeze()
        self._say({"ready": True, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024})
        while not self._orders_over or self._children:
            channel = self._channel.fileno()
            watched = [self._woken] if self._orders_over else [self._woken, channel]
            readable, _, _ = select.select(watched, [], [], 1)
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 512)
            self._reap()
            if channel in readable:
                self._receive()

    def _listen_to_signals(self) -> None:
        for end in (self._woken, self._waker):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The worker decides when we end; it may want its runs to end first.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(self._waker)

    def _receive(self) -> None:
        try:
            received = self._channel.recv(1 << 20)
        except ConnectionError:
            received = b""
        if not received:
            # The worker is gone or has retired us. Children go on; from here on SIGTERM may end us.
            self._orders_over = True
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        *lines, self._pending = (self._pending + received).split(b"\n")
        for line in lines:
            self._fork(json.loads(line))

    def _fork(self, order: dict[str, Any]) -> None:
        if order["environment"] != self._environment:
            self._environment = order["environment"]
            take_on(self._environment)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = os.fork()
        except OSError as error:
            self._say({"run": order["run"], "refused": str(error)})
            return
        if pid == 0:
            self._become(order)
        self._children[pid] = order["run"]
        self._say({"run": order["run"], "pid": pid})

    def _become(self, order: dict[str, Any]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._channel.close()
            os.close(self._woken)
            os.close(self._waker)
            become(order)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        """Reap and report children that have ended, and kill what they left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._children:
                run = self._children.pop(pid)
                self._end_orphans()
                self._say({"run": run, "ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _end_orphans(self) -> None:
        """Kill the orphans of ended runs; a living run is itself the parent of its own, so none of those are here."""
        deadline = time.monotonic() + 5
        while (orphans := _children() - self._children.keys()) and time.monotonic() < deadline:
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            for pid in orphans:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.005)

    def _say(self, message: dict[str, Any]) -> None:
        # A worker that is gone needs no answer.
        with contextlib.suppress(OSError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")


def _children() -> set[int]:
    """Return the pids of all children of this process, zombies included."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(pid) for pid in listed.read_text().split()}


def serve_and_exit(channel: socket.socket, other_end: socket.socket) -> NoReturn:
    """Serve as the fork-server in a process that was forked for it, then exit."""
    code = 1
    try:
        other_end.close()
        ForkServer(channel).serve()
        code = 0
    except BaseException:  # noqa: BLE001 - it is what an interpreter prints before it ends
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Serve the socket whose number is the argument."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    preload()
    ForkServer(channel).serve()


if __name__ == "__main__":
    main()
