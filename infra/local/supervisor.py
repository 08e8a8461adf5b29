"""The supervisor of a local stack: its configuration, its start, and its orders over a Unix socket."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from dz.errors import StackProblem
from infra.local import files
from infra.local.layout import Layout
from infra.local.programs import Program, base_environment

_UP = {"STARTING", "RUNNING"}
_ALREADY_STARTED, _NOT_RUNNING, _BAD_NAME = 60, 70, 10
_HEAD = """\
[supervisord]
nodaemon=true
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={run}/supervisord.pid
childlogdir={logs}
umask=022
{user}
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""


@dataclass(frozen=True)
class ProgramStatus:
    """How one program is.

    Args:
        state: RUNNING, STARTING, STOPPED, BACKOFF, FATAL, ...
        seconds: since it was started.
        port: the port it listens on, if any.
    """

    name: str
    state: str
    pid: int | None
    seconds: int
    log: str
    port: int | None = None


class Supervisor:
    """Orders to the supervisor of one stack."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def configure(self, programs: Sequence[Program]) -> None:
        """Write what shall run, and start the supervisor or make it read that; unchanged programs run on."""
        files.write(self._layout.supervisor_conf, _configuration(self._layout, programs))
        if not self.alive():
            self._start()
        calls = self._calls()
        added, changed, removed = calls.reloadConfig()[0]
        for name in (*changed, *removed):
            with contextlib.suppress(Fault):
                calls.stopProcessGroup(name)
            calls.removeProcessGroup(name)
        for name in (*added, *changed):
            calls.addProcessGroup(name)

    def alive(self) -> bool:
        """Say whether the supervisor answers."""
        try:
            return bool(self._calls().getState()["statename"] == "RUNNING")
        except (OSError, HTTPException, Fault):
            return False

    def start(self, names: Iterable[str]) -> None:
        """Start programs that do not run; does not wait until they are ready."""
        calls, wait = self._calls(), False
        running = {status.name for status in self.statuses() if status.state in _UP}
        for name in names:
            if name not in running:
                with _ignoring(_ALREADY_STARTED):
                    calls.startProcess(name, wait)

    def stop(self, names: Iterable[str]) -> None:
        """Stop programs, and wait until they have ended."""
        calls = self._calls()
        for name in names:
            with _ignoring(_NOT_RUNNING, _BAD_NAME):
                calls.stopProcess(name)

    def statuses(self) -> list[ProgramStatus]:
        """Return how every program is; nothing if the supervisor does not run."""
        try:
            found: list[dict[str, Any]] = self._calls().getAllProcessInfo()
        except (OSError, HTTPException):
            return []
        return [
            ProgramStatus(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"] or None,
                seconds=info["now"] - info["start"] if info["statename"] in _UP else 0,
                log=info["stdout_logfile"],
            )
            for info in found
        ]

    def shut_down(self, *, timeout: float = 60) -> None:
        """Stop every program and the supervisor itself; `timeout` in seconds."""
        if not self.alive():
            return
        self._calls().shutdown()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._layout.supervisor_socket.exists():
            time.sleep(0.1)

    def _calls(self) -> Any:
        address = f"unix://{self._layout.supervisor_socket}"
        return ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, address)).supervisor

    def _start(self) -> None:
        log = self._layout.logs / "supervisord.out"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._layout.supervisor_conf)],
                cwd=self._layout.state,
                env=base_environment(self._layout.name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell's `&` leaves SIGINT ignored, and Prefect's worker could then never be stopped.
                preexec_fn=_default_signals,  # noqa: PLW1509
            )
        for _ in range(200):
            if self.alive():
                return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise StackProblem(
            f"The supervisor of the stack did not start: {' '.join(log.read_text()[-400:].split())}",
            f"Read {log}, correct the cause and run `dz up` again.",
        )


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


@contextlib.contextmanager
def _ignoring(*codes: int) -> Any:
    try:
        yield
    except Fault as fault:
        if fault.faultCode not in codes:
            raise


def _configuration(layout: Layout, programs: Sequence[Program]) -> str:
    user = "user=root\n" if os.geteuid() == 0 else ""
    head = _HEAD.format(
        logs=_percent(layout.logs), run=_percent(layout.run), socket=layout.supervisor_socket, user=user
    )
    return "\n".join([head, *(_section(layout, program) for program in programs)])


def _section(layout: Layout, program: Program) -> str:
    values = {
        "command": " ".join(_quoted(word) for word in program.argv),
        "directory": _percent(program.cwd),
        "environment": ",".join(f"{name}={_quoted(value)}" for name, value in sorted(program.env.items())),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": "1",
        "startretries": "20",
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.stop_seconds),
        "stopasgroup": str(program.whole_group).lower(),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _percent(layout.logs / f"{program.name}.log"),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "1",
    }
    if program.user:
        values["user"] = program.user
    return f"[program:{program.name}]\n" + "".join(f"{name}={value}\n" for name, value in values.items())


def _quoted(text: str) -> str:
    """Return `text` as one word of the supervisor's configuration, which has no escape for a quotation mark."""
    if any(character in text for character in '"\\\n\r\0'):
        raise StackProblem("A path or a setting of the stack holds a quotation mark or a backslash.", "Choose another.")
    return f'"{_percent(text)}"'


def _percent(text: object) -> str:
    return str(text).replace("%", "%%")
