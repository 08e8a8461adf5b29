"""The one seam through which code of project owners runs: build steps, checks, hooks, app instances.

The confinement consists of the project's own Unix user (where the platform runs as root), a cleared environment,
resource limits, no way to gain privileges, and the killing of everything that a step started when the step ends. A
stronger one would replace `UserSandbox`, here and nowhere else.
"""

import pwd
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from dz.adapters import processes
from dz.adapters.processes import Finished, Limits

BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
"""What project code finds in its environment besides the variables that it is given explicitly."""
_CONFINE = Path(__file__).with_name("confine.py")
_GRACE_SECONDS = 15


class Sandbox(Protocol):
    """Runs code of a project's owner, confined."""

    @property
    def user(self) -> str | None:
        """The Unix user that owns what the code writes; None: this process's own."""
        ...

    @property
    def bounds(self) -> Limits:
        """The limits of each program."""
        ...

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run a program with `env` on top of BASE_ENVIRONMENT and nothing else."""
        ...


@dataclass(frozen=True)
class UserSandbox:
    """Runs a project's code as the project's Unix user.

    Args:
        user: the Unix user; None where this process may not change users.
        home: an existing folder that the code finds as HOME.
        limits: bounds of each program.
    """

    user: str | None
    home: Path
    limits: Limits = field(default_factory=lambda: Limits(file_bytes=2 * 1024**3))
    most_processes: int = 2000
    """Processes and threads that the project's user may have at once, its app instances on this machine included."""

    @property
    def bounds(self) -> Limits:
        """The limits of each program; processes are limited only if the project has its own Unix user."""
        return replace(self.limits, processes=self.most_processes) if self.user else self.limits

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run a program with `env` on top of BASE_ENVIRONMENT and nothing else."""
        whole = {**BASE_ENVIRONMENT, "HOME": str(self.home), **env}
        uid = gid = -1
        if self.user:
            entry = pwd.getpwnam(self.user)
            uid, gid = entry.pw_uid, entry.pw_gid
        words = [sys.executable, "-I", "-S", _CONFINE, str(uid), str(gid), *argv]
        return processes.run(
            words, cwd=cwd, env=whole, timeout=timeout, limits=self.bounds, on_line=on_line, grace=_GRACE_SECONDS
        )


def supervised(argv: Sequence[str | Path]) -> list[str]:
    """Return the command line by which a supervisor runs a program that can gain no privileges, if setpriv is there."""
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin")
    before = [setpriv, "--no-new-privs"] if setpriv else []
    return [*before, *(str(word) for word in argv)]
