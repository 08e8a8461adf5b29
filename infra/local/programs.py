"""What a supervised program is, as a value."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dz.settings import PROJECT_ROOT

PASSED_ON = (
    *("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"),
    *("UV_SYSTEM_CERTS", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CACHE_DIR", "PIP_INDEX_URL"),
)
"""Environment variables of whoever starts the stack that its programs get, too."""
_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True)
class Program:
    """One program that the supervisor keeps running.

    Args:
        name: its name for people, and of its log file.
        argv: program and arguments; never a secret.
        cwd: the folder it starts in.
        env: its variables on top of `base_environment`.
        user: the Unix user it becomes; None: the stack's own.
        port: the port of 127.0.0.1 it listens on, if any.
        keeps: the program whose ports it holds, so that they are not free while that is down.
        stop_signal: asks it to end.
        stop_seconds: how long it may take to end.
        whole_group: stop its whole process group, because its children do not end with it.
        children_in: the folder in which only it and its children work. They outlive it when it is killed, and are ended
            before it starts again (see `begin.py`); None: nothing of it stays, or what stays may go on.
        drains: such children may finish what they are at once they have given up its ports.
        pid_file: a file that keeps it from starting when it was killed.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    port: int | None = None
    keeps: str | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    whole_group: bool = False
    children_in: Path | None = None
    drains: bool = False
    pid_file: Path | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """What the supervisor runs, as its own user: the program, or what becomes it."""
        if self.children_in is None:
            return self.argv
        options = ["--folder", str(self.children_in), *(["--drains"] if self.drains else [])]
        options += ["--pid-file", str(self.pid_file)] if self.pid_file else []
        options += ["--user", self.user] if self.user else []
        return (sys.executable, "-m", "infra.local.begin", *options, "--", *self.argv)

    @property
    def environment(self) -> dict[str, str]:
        """What the supervisor adds to the environment."""
        return {**self.env, **({"PYTHONPATH": str(PROJECT_ROOT)} if self.children_in else {})}


def base_environment(stack: str) -> dict[str, str]:
    """Return the environment that every program inherits: what PASSED_ON names, and the mark of its stack.

    Args:
        stack: the name of the stack; processes that outlive their supervisor are found by it.
    """
    here = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"UV_SYSTEM_CERTS": "1", "LANG": "C.UTF-8", **here, "PATH": search_path(), "DZ_STACK": stack}


def search_path() -> str:
    """Return PATH for programs: this virtualenv's folder first, then the usual ones and that of git.

    Apart from git's folder it does not depend on the caller's PATH: programs whose environment changes are restarted.
    """
    git = shutil.which("git")
    folders = [str(Path(sys.prefix) / "bin"), *_FOLDERS, *([str(Path(git).parent)] if git else [])]
    return os.pathsep.join(dict.fromkeys(folders))
