"""Runs steps of project owners' code: builds, checks, hooks.

App instances are started by their supervisor, through the same launcher (`adapters/walls`).

The confinement consists of walls (see `adapters/walls`), the project's own Unix user (where the platform runs as root), a
cleared environment, resource limits, no way to gain privileges, and the end of everything that a step started when the
step ends.
"""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from dz.adapters import processes, users
from dz.adapters.processes import BASE_ENVIRONMENT, Finished
from dz.adapters.walls import cgroups, confinement, exceeded, launcher
from dz.adapters.walls.confinement import PROXY, Confinement, Network, Walls
from dz.adapters.walls.limits import Limits
from dz.errors import WallsMissing

_GRACE_SECONDS = 15
_PROBE_SECONDS = 60
_REMEDY = "Allow user namespaces (docs/operating.md, Walls); or set DZ_ISOLATION=user if you trust every project."
_DOCKER_REMEDY = (
    "Start the Docker engine, or name its socket in DZ_DOCKER_HOST; or set DZ_ISOLATION=bubblewrap, which needs none "
    "(docs/operating.md, Walls)."
)
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


ALONE = Network()
"""A program that reaches nothing but itself."""


class Sandbox(Protocol):
    """Runs code of a project's owner, confined."""

    @property
    def user(self) -> str | None:
        """The Unix user that owns what the code writes; None: this process's own."""
        ...

    @property
    def limits(self) -> Limits:
        """How much each program may use."""
        ...

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        on_line: Callable[[str], None] | None = None,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        network: Network = ALONE,
    ) -> Finished:
        """Run a program with `env` on top of BASE_ENVIRONMENT and nothing else.

        Args:
            reads: what it sees besides `cwd` and the system's programs.
            writes: where it may write besides its home folder.
            network: what it reaches.
        """
        ...


@dataclass(frozen=True)
class UserSandbox:
    """Runs a project's code as the project's Unix user.

    Args:
        user: the Unix user; None where this process may not change users.
        home: an existing folder that the code finds as HOME.
        walls: what keeps it from everything else.
        limits: how much each program may use.
        group: the control group below which each program gets one of its own; empty: none.
    """

    user: str | None
    home: Path
    walls: Walls = field(default_factory=confinement.of_this_server)
    limits: Limits = field(default_factory=Limits)
    group: str = ""

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        on_line: Callable[[str], None] | None = None,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        network: Network = ALONE,
    ) -> Finished:
        """Run a program with `env` on top of BASE_ENVIRONMENT and nothing else; see `Sandbox`.

        Raises:
            WallsMissing: there are no walls to be had on this server, so it did not run.
        """
        proxy = (
            dict.fromkeys(_PROXY_VARIABLES, f"http://{PROXY[0]}:{PROXY[1]}")
            if network.hosts and self.walls.stand
            else {}
        )
        group = f"{self.group}/step-{uuid.uuid4().hex[:12]}" if self.group else ""
        wanted = Confinement(
            argv=tuple(str(word) for word in argv),
            cwd=cwd,
            python=self.walls.python,
            bwrap=self.walls.bwrap,
            docker=self.walls.docker,
            user=users.identity(self.user),
            reads=(cwd, *reads),
            writes=(self.home, *writes),
            network=network,
            limits=self.limits,
            group=group,
        )
        described = launcher.in_memory(wanted.to_json().encode())
        try:
            done = processes.run(
                launcher.command(f"/dev/fd/{described}"),
                cwd=Path("/"),
                env={**BASE_ENVIRONMENT, "HOME": str(self.home), **proxy, **env},
                timeout=timeout,
                on_line=on_line,
                grace=_GRACE_SECONDS,
                inherits=[described],
            )
            used = cgroups.use(group) if group else cgroups.Use()
        finally:
            os.close(described)
            if group:
                cgroups.remove(group)
        if done.returncode == launcher.NO_WALLS_CODE and done.output.rstrip().endswith(launcher.NO_WALLS):
            raise WallsMissing(
                f"This server cannot put walls around code of projects, so that none of it runs: {done.tail(4)}",
                _DOCKER_REMEDY if self.walls.docker else _REMEDY,
            )
        return replace(done, exceeded=exceeded.of(done, self.limits, used))


def named(walls: Walls) -> str:
    """Return which walls these are, with the version of the engine if there is one; raises WallsMissing."""
    if walls.docker is None:
        return str(walls)
    from dz.adapters.walls.containers.engine import Engine  # noqa: PLC0415 - few servers have an engine

    return str(walls).replace("docker", f"docker {Engine(walls.docker).version}", 1)


def in_force(walls: Walls) -> str:
    """Return which walls stand here, after a program has ended within them, or why none do."""
    root = Path("/")
    try:
        done = UserSandbox(None, root, walls).run(["/bin/true"], cwd=root, env={}, timeout=_PROBE_SECONDS)
        return named(walls) if done.ok else f"they do not stand: {done.tail(4) or done}"
    except WallsMissing as error:
        return f"they do not stand. {error.found}"
