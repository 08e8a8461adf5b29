"""Where everything of a local stack lies."""

import functools
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from dz.errors import StackProblem

LONGEST_SOCKET = 100
"""How many bytes the path of a Unix socket may have; Linux allows 107."""
MARK = "stack"
_KNOWN = {MARK, "env", "keys", "settings.json", "ports.json", "up.lock", "logs", "run", "git", "servers"}


@dataclass(frozen=True)
class Layout:
    """The folders of one stack.

    Args:
        state: the folder that holds all of it.
    """

    state: Path

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that tell this stack from others on the same machine."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @functools.cached_property
    def run(self) -> Path:
        """The folder of Unix sockets: inside `state` if that path is short enough."""
        inside = self.state / "run"
        if len(str(inside / "platform" / ".s.PGSQL.65535.lock")) <= LONGEST_SOCKET:
            return inside
        return Path(f"/run/djangozoom/{self.name}" if os.geteuid() == 0 else f"/tmp/dz-{os.getuid()}-{self.name}")  # noqa: S108

    @property
    def logs(self) -> Path:
        """A log file per program."""
        return self.state / "logs"

    @property
    def keys(self) -> Path:
        """Passwords and keys, a file each."""
        return self.state / "keys"

    @property
    def git(self) -> Path:
        """Repositories that the local git server offers."""
        return self.state / "git"

    @property
    def settings(self) -> Path:
        """The settings that `dz.settings` reads."""
        return self.state / "settings.json"

    @property
    def supervisor_conf(self) -> Path:
        """What the supervisor runs; holds secrets."""
        return self.state / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor takes orders."""
        return self.run / "supervisor.sock"

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            StackProblem: the folder belongs to someone else, holds other things, or service users cannot reach it.
        """
        _make(self.state, 0o711)
        self._refuse_foreign()
        (self.state / MARK).touch(mode=0o644)
        for folder in (self.keys, self.logs, self.state / "prefect"):
            _make(folder, 0o700)
        for folder in (self.git, self.state / "servers", self.state / "postgres", self.run):
            _make(folder, 0o711)

    def _refuse_foreign(self) -> None:
        names = {path.name for path in self.state.iterdir()}
        if MARK not in names and names - _KNOWN:
            raise StackProblem(
                f"The folder {self.state} holds other things ({', '.join(sorted(names - _KNOWN)[:3])}).",
                "Choose an empty folder for the stack's state with DZ_STATE_DIR.",
            )
        if os.geteuid() == 0:
            closed = [place for place in self.state.parents if not place.stat().st_mode & 0o001]
            if closed:
                raise StackProblem(
                    f"Users of services cannot reach {self.state}, because {closed[-1]} is closed to them.",
                    "Choose a folder such as /var/lib/djangozoom with DZ_STATE_DIR.",
                )


def _make(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        found = folder.lstat()
    except OSError as error:
        raise StackProblem(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another with DZ_STATE_DIR."
        ) from error
    if found.st_uid != os.geteuid() or not folder.is_dir() or folder.is_symlink():
        raise StackProblem(
            f"The folder {folder} belongs to another user, or is no folder.",
            "Choose another with DZ_STATE_DIR, or run `dz` as the user it belongs to.",
        )
    if found.st_mode & 0o777 != mode:
        folder.chmod(mode)
