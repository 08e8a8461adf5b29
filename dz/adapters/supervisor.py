"""The appserver's own supervisord: keeps app instances running."""

import re
import shlex
import signal as signals
from collections.abc import Sequence
from pathlib import Path
from xmlrpc.client import Fault

from dz.adapters import files, supervisord
from dz.adapters.supervisord import Supervisord, value
from dz.errors import CommandFailed

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}", re.ASCII)
_CONFIG = """{interface}
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
autostart=true
autorestart=true
startsecs=10
startretries=5
stopwaitsecs=20
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
        self._programs = folder / "conf.d"
        self._lock = folder / "lock"
        self._supervisord = Supervisord(socket, folder / "supervisord.log")

    @property
    def door(self) -> Path:
        """The socket of the holder of what its programs listen at; see `adapters/walls/holder.py`."""
        return self._supervisord.socket.with_suffix(".held")

    def argv(self) -> list[str]:
        """Write the configuration and return the command that runs supervisord in the foreground."""
        self._programs.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # its log names what runs for whom
        socket = self._supervisord.socket
        socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        interface, user = supervisord.interface(socket), supervisord.as_root()
        text = _CONFIG.format(interface=interface, folder=value(self.folder), user=user)
        configuration = self.folder / "supervisord.conf"
        files.write(configuration, text, mode=0o644)
        return supervisord.argv(configuration)

    def add(self, name: str, argv: Sequence[str | Path], *, cwd: Path, logs: Path) -> None:
        """Run a program under `name`, replacing one that runs with another configuration.

        Args:
            logs: its output goes to `<logs>/<name>.log`.
        """
        text = _PROGRAM.format(
            name=_checked(name),
            command=value(shlex.join(str(word) for word in argv)),
            cwd=value(cwd),
            log=value(logs / f"{name}.log"),
        )
        logs.mkdir(parents=True, exist_ok=True)
        with files.locked(self._lock):
            if name in self.names() and self._file(name).is_file() and self._file(name).read_text() != text:
                self._supervisord.drop(name)
            files.write(self._file(name), text, mode=0o644)
            self._reread()
            if not self._supervisord.add(name):
                self._supervisord.start(name)

    def remove(self, name: str) -> None:
        """Stop and remove a program; no-op if there is none."""
        with files.locked(self._lock):
            self._file(_checked(name)).unlink(missing_ok=True)
            self._supervisord.drop(name)
            self._reread()

    def answers(self) -> bool:
        """Say whether it takes orders."""
        return self._supervisord.is_running()

    def names(self) -> list[str]:
        """Return the names of all programs, running or not."""
        return sorted(self.states())

    def states(self) -> dict[str, str]:
        """Return the state of each program by its name; see `state`."""
        return {info["name"]: info["statename"] for info in self._supervisord.programs()}

    def state(self, name: str) -> str | None:
        """Return a program's state (STARTING, RUNNING, BACKOFF, FATAL, ...); None if there is no such program."""
        return next((i["statename"] for i in self._supervisord.programs() if i["name"] == name), None)

    def pid(self, name: str) -> int | None:
        """Return the process id of a running program."""
        return next((i["pid"] for i in self._supervisord.programs() if i["name"] == name and i["pid"]), None)

    def signal(self, name: str, number: signals.Signals) -> None:
        """Send a signal to a program; no-op if it is not running."""
        self._supervisord.signal(_checked(name), number)

    def _reread(self) -> None:
        try:
            self._supervisord.reread()
        except Fault as error:
            raise CommandFailed(
                f"supervisord refused its configuration in {self._programs}: {error.faultString}",
                "Remove the file that it names, then repeat.",
            ) from error

    def _file(self, name: str) -> Path:
        return self._programs / f"{name}.conf"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CommandFailed(f"{name!r} cannot be the name of a program.", "Use lower-case letters, digits and '-'.")
    return name
