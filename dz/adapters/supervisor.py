"""The appserver's own supervisord: keeps app instances running."""

import contextlib
import fcntl
import os
import re
import shlex
import signal as signals
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from dz.adapters.sandbox import BASE_ENVIRONMENT
from dz.errors import CommandFailed, ServiceUnavailable

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}", re.ASCII)
_CONFIG = """[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon=true
{user}minfds=256
minprocs=64
umask=022
directory={folder}
logfile={folder}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={folder}/supervisord.pid
childlogdir={folder}

[include]
files=conf.d/*.conf
"""
_PROGRAM = """[program:{name}]
command={command}
directory={cwd}
{user}autostart=true
autorestart=true
startsecs=2
startretries=5
stopwaitsecs=20
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""


class Supervisor:
    """A supervisord; every call can be repeated.

    Args:
        folder: its configuration and logs.
        socket: its unix socket; Linux allows 107 bytes.
    """

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        self.socket = socket
        self._programs = folder / "conf.d"

    def argv(self) -> list[str]:
        """Write the configuration and return the command that runs supervisord in the foreground."""
        self._programs.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # its log names what runs for whom
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        user = "user=root\n" if os.geteuid() == 0 else ""
        text = _CONFIG.format(socket=_value(self.socket), folder=_value(self.folder), user=user)
        _write(self.folder / "supervisord.conf", text)
        return [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.folder / "supervisord.conf")]

    def ensure_running(self, *, timeout: float = 20) -> "subprocess.Popen[bytes] | None":
        """Start supervisord as a child of this process unless one answers; None if one did.

        Args:
            timeout: seconds to wait for its answer.
        """
        with contextlib.suppress(ServiceUnavailable):
            self.names()
            return None
        process = subprocess.Popen(
            self.argv(), env=BASE_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(ServiceUnavailable):
                self.names()
                return process
            time.sleep(0.1)
        process.kill()
        process.wait()
        raise self._unavailable()

    def add(self, name: str, argv: Sequence[str | Path], *, cwd: Path, user: str | None, logs: Path) -> None:
        """Run a program under `name`; one that runs with another command is replaced.

        Args:
            user: the Unix user to become; needs root.
            logs: its output goes to `<logs>/<name>.log`.
        """
        text = _PROGRAM.format(
            name=_checked(name),
            command=_value(shlex.join(str(word) for word in argv)),
            cwd=_value(cwd),
            user=f"user={_value(user)}\n" if user else "",
            log=_value(logs / f"{name}.log"),
        )
        logs.mkdir(parents=True, exist_ok=True)
        with self._writing():
            if name in self.names() and self._file(name).is_file() and self._file(name).read_text() != text:
                self._drop(name)
            _write(self._file(name), text)
            self._reread()
            if not self._tolerant("addProcessGroup", name, Faults.ALREADY_ADDED):
                self._tolerant("startProcess", name, Faults.ALREADY_STARTED, rest=(False,))

    def remove(self, name: str) -> None:
        """Stop a program and forget it; nothing happens if there is none."""
        with self._writing():
            self._file(_checked(name)).unlink(missing_ok=True)
            self._drop(name)
            self._reread()

    def names(self) -> list[str]:
        """Return the names of all programs, running or not."""
        return sorted(info["name"] for info in self._call("getAllProcessInfo"))

    def state(self, name: str) -> str | None:
        """Return supervisord's word (STARTING, RUNNING, BACKOFF, FATAL, ...); None if there is no such program."""
        return next((i["statename"] for i in self._call("getAllProcessInfo") if i["name"] == name), None)

    def pid(self, name: str) -> int | None:
        """Return the process id of a running program."""
        return next((i["pid"] for i in self._call("getAllProcessInfo") if i["name"] == name and i["pid"]), None)

    def signal(self, name: str, number: signals.Signals) -> None:
        """Send a signal to a program; nothing happens if it does not run."""
        with contextlib.suppress(Fault):
            self._call("signalProcess", _checked(name), number.name.removeprefix("SIG"))

    def _drop(self, name: str) -> None:
        self._tolerant("stopProcess", name, Faults.NOT_RUNNING, Faults.BAD_NAME)
        self._tolerant("removeProcessGroup", name, Faults.BAD_NAME)

    def _reread(self) -> None:
        try:
            self._call("reloadConfig")
        except Fault as error:
            raise CommandFailed(
                f"supervisord refused its configuration in {self._programs}: {error.faultString}",
                "Remove the file that it names, then repeat.",
            ) from error

    def _tolerant(self, method: str, name: str, *accepted: int, rest: tuple[Any, ...] = ()) -> bool:
        """Call a method; say whether it changed anything."""
        try:
            self._call(method, name, *rest)
        except Fault as error:
            if error.faultCode in accepted:
                return False
            raise CommandFailed(
                f"supervisord refused {method} {name}: {error.faultString}", f"Look at {self.folder}/supervisord.log."
            ) from error
        return True

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            proxy = cast("Any", ServerProxy("http://127.0.0.1", transport=transport))
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, HTTPException, ProtocolError) as error:
            raise self._unavailable() from error
        finally:
            transport.close()

    def _unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"supervisord does not answer at {self.socket}.",
            f"Start it again; {self.folder}/supervisord.log says why it ended.",
        )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _file(self, name: str) -> Path:
        return self._programs / f"{name}.conf"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CommandFailed(f"{name!r} cannot be the name of a program.", "Use lower-case letters, digits and '-'.")
    return name


def _value(text: str | Path) -> str:
    """Return text as a value of supervisord's configuration: `%` expands there and ` ;` begins a comment."""
    value = str(text)
    if any(character < " " for character in value) or ";" in value:
        raise CommandFailed(f"{value!r} cannot stand in supervisord's configuration.", "Choose plainer names.")
    return value.replace("%", "%%")


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    with part.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
