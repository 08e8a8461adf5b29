"""A client of supervisord: how to configure, start and call it over its Unix socket."""

import contextlib
import os
import signal as signals
import sys
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from dz.errors import CommandFailed, ServiceUnavailable

_INTERFACE = """[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def argv(configuration: Path) -> list[str]:
    """Return the command that runs supervisord in the foreground."""
    return [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]


def interface(socket: Path) -> str:
    """Return the configuration sections that make supervisord take calls at `socket`, from its own user only."""
    return _INTERFACE.format(socket=value(socket))


def as_root() -> str:
    """Return the configuration line that keeps supervisord from warning that root runs it; empty without root."""
    return "user=root\n" if os.geteuid() == 0 else ""


def value(text: str | Path) -> str:
    """Return text as a value of supervisord's configuration, where ` ;` begins a comment and `%` a variable.

    Raises:
        CommandFailed: the text holds a character that such a value cannot hold.
    """
    if any(character < " " or character == ";" for character in str(text)):
        raise CommandFailed(f"{str(text)!r} cannot stand in supervisord's configuration.", "Choose plainer names.")
    return escaped(str(text))


def escaped(text: str) -> str:
    """Escape every `%`, which would begin a variable."""
    return text.replace("%", "%%")


class Supervisord:
    """The calls that one supervisord takes; each can be repeated.

    Args:
        socket: its Unix socket; Linux allows 107 bytes.
        log: its log file, for messages.

    Raises:
        ServiceUnavailable: it does not answer.
        CommandFailed: it refuses.
    """

    def __init__(self, socket: Path, log: Path) -> None:
        self.socket, self.log = socket, log

    def is_running(self) -> bool:
        """Say whether it answers and is neither starting nor shutting down."""
        with contextlib.suppress(ServiceUnavailable, Fault):
            return bool(self._call("getState")["statename"] == "RUNNING")
        return False

    def programs(self) -> list[dict[str, Any]]:
        """Return what it reports of each program, running or not; see getAllProcessInfo in its documentation."""
        return cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))

    def reread(self) -> tuple[list[str], list[str], list[str]]:
        """Read the configuration again, and return the programs that are added, changed and removed in it.

        This starts and stops nothing.

        Raises:
            Fault: the configuration is faulty.
        """
        added, changed, removed = self._call("reloadConfig")[0]
        return added, changed, removed

    def add(self, name: str) -> bool:
        """Activate a program of the configuration, and return whether it was new."""
        return self._order("addProcessGroup", name, Faults.ALREADY_ADDED)

    def start(self, name: str) -> None:
        """Start a program unless it runs, without waiting until it has started."""
        wait = False
        self._order("startProcess", name, Faults.ALREADY_STARTED, rest=(wait,))

    def stop(self, name: str) -> None:
        """Stop a program if it runs, and wait until it has ended."""
        self._order("stopProcess", name, Faults.NOT_RUNNING, Faults.BAD_NAME)

    def drop(self, name: str) -> None:
        """Stop and remove a program; no-op if there is none."""
        self.stop(name)
        self._order("removeProcessGroup", name, Faults.BAD_NAME)

    def signal(self, name: str, number: signals.Signals) -> None:
        """Send a signal to a program; no-op if it is not running."""
        with contextlib.suppress(Fault):
            self._call("signalProcess", name, number.name.removeprefix("SIG"))

    def shut_down(self) -> None:
        """Stop every program and supervisord itself, without waiting."""
        self._call("shutdown")

    def _order(self, method: str, name: str, *accepted: int, rest: tuple[Any, ...] = ()) -> bool:
        """Call a method, and return whether it changed anything: an accepted fault means that it was a no-op."""
        try:
            self._call(method, name, *rest)
        except Fault as error:
            if error.faultCode in accepted:
                return False
            raise CommandFailed(
                f"supervisord refused {method} {name}: {error.faultString}", f"Look at {self.log}."
            ) from error
        return True

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            proxy = cast("Any", ServerProxy("http://127.0.0.1", transport=transport))
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, HTTPException, ProtocolError) as error:
            raise ServiceUnavailable(
                f"supervisord does not answer at {self.socket}.", f"Start it again; {self.log} says why it ended."
            ) from error
        finally:
            transport.close()
