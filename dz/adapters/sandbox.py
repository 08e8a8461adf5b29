"""The one seam through which code of project owners runs: build steps, checks, hooks, app instances.

Today the confinement is the project's own Unix user (as root), a cleared environment, limits of resources and a
process group that dies with the step. A stronger one replaces `UserSandbox` here and nowhere else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dz.adapters import processes
from dz.adapters.processes import Finished, Limits

BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
"""All that project code finds in its environment besides what it is given by name."""


class Sandbox(Protocol):
    """Runs code of a project's owner, confined."""

    @property
    def user(self) -> str | None:
        """The Unix user that owns what the code writes; None: this process's own."""
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
        return processes.run(
            argv, cwd=cwd, env=whole, timeout=timeout, user=self.user, limits=self.limits, on_line=on_line
        )
