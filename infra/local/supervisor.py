"""The supervisor of a local stack: how to configure, start and call it over a Unix socket."""

import datetime as dt
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dz.adapters import files, supervisord
from dz.adapters.supervisord import Supervisord, escaped, value
from dz.errors import ServiceUnavailable, StackProblem
from infra.local.layout import Layout
from infra.local.programs import Program, base_environment

_UP = {"STARTING", "RUNNING"}
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
{interface}"""


@dataclass(frozen=True)
class ProgramStatus:
    """The status of one program.

    Args:
        state: RUNNING, STARTING, STOPPED, BACKOFF, FATAL, ...; SILENT: it runs and does not answer as it should.
        seconds: since it was started.
        port: the port it listens on, if any.
        wrong: what it does not do; empty if it was asked and answered.
        since: when that was first seen, or when it ended.
        remedy: what to do.
    """

    name: str
    state: str
    pid: int | None
    seconds: int
    log: str
    port: int | None = None
    wrong: str = ""
    since: dt.datetime | None = None
    remedy: str = ""


class Supervisor:
    """The supervisor of one stack."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._supervisord = Supervisord(layout.supervisor_socket, layout.logs / "supervisord.log")

    def configure(self, programs: Sequence[Program]) -> None:
        """Write the configuration, and start the supervisor or make it reread; unchanged programs keep running."""
        files.write_if_changed(self._layout.supervisor_conf, _configuration(self._layout, programs), mode=0o600)
        if not self.alive():
            self._start()
        added, changed, removed = self._supervisord.reread()
        for name in (*changed, *removed):
            self._supervisord.drop(name)
        for name in (*added, *changed):
            self._supervisord.add(name)

    def alive(self) -> bool:
        """Say whether the supervisor answers."""
        return self._supervisord.is_running()

    def start(self, names: Iterable[str]) -> None:
        """Start programs that do not run, without waiting until they are ready."""
        states = {status.name: status.state for status in self.statuses()}
        for name in names:
            if states.get(name) == "BACKOFF":
                self._supervisord.stop(name)  # or it would wait for its next attempt
            if states.get(name) not in _UP:
                self._supervisord.start(name)

    def stop(self, names: Iterable[str]) -> None:
        """Stop programs, and wait until they have ended."""
        for name in names:
            self._supervisord.stop(name)

    def statuses(self) -> list[ProgramStatus]:
        """Return the status of every program; an empty list if the supervisor does not run."""
        try:
            found = self._supervisord.programs()
        except ServiceUnavailable:
            return []
        return [
            ProgramStatus(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"] or None,
                seconds=info["now"] - info["start"] if info["statename"] in _UP else 0,
                log=info["stdout_logfile"],
                since=_stopped(info),
            )
            for info in found
        ]

    def shut_down(self, *, timeout: float = 60) -> None:
        """Stop every program and the supervisor itself; `timeout` in seconds."""
        if not self.alive():
            return
        self._supervisord.shut_down()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._layout.supervisor_socket.exists():
            time.sleep(0.1)

    def _start(self) -> None:
        log = self._layout.logs / "supervisord.out"
        with log.open("ab") as output:
            process = subprocess.Popen(
                supervisord.argv(self._layout.supervisor_conf),
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


def _stopped(info: dict[str, Any]) -> dt.datetime | None:
    ended = info["stop"] if info["statename"] not in _UP else 0
    return dt.datetime.fromtimestamp(ended, dt.UTC) if ended else None


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _configuration(layout: Layout, programs: Sequence[Program]) -> str:
    head = _HEAD.format(
        logs=value(layout.logs),
        run=value(layout.run),
        user=supervisord.as_root(),
        interface=supervisord.interface(layout.supervisor_socket),
    )
    return "\n".join([head, *(_section(layout, program) for program in programs)])


def _section(layout: Layout, program: Program) -> str:
    values = {
        "command": " ".join(_quoted(word) for word in program.command),
        "directory": value(program.cwd),
        "environment": ",".join(f"{name}={_quoted(word)}" for name, word in sorted(program.environment.items())),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": "1",
        "startretries": "1000000",  # the pauses between them grow by a second each
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.stop_seconds),
        "stopasgroup": str(program.whole_group).lower(),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": value(layout.logs / f"{program.name}.log"),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "1",
    }
    if program.user and not program.children_in:
        values["user"] = program.user
    return f"[program:{program.name}]\n" + "".join(f"{name}={text}\n" for name, text in values.items())


def _quoted(text: str) -> str:
    """Return `text` as one word of the supervisor's configuration, which has no escape for a quotation mark."""
    if any(character in text for character in '"\\\n\r\0'):
        raise StackProblem("A path or a setting of the stack holds a quotation mark or a backslash.", "Choose another.")
    return f'"{escaped(text)}"'
