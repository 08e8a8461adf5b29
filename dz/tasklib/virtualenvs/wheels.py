"""The package cache that all projects share; it holds only wheels, whose code does not run when they are installed.

A package without a wheel is built by its own code, which could change a shared cache; projects that need one install
on their own.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dz.adapters import trees
from dz.adapters.installer import Installer, Listing
from dz.adapters.interpreters import Interpreter
from dz.adapters.sandbox import Sandbox
from dz.adapters.users import owned
from dz.errors import DzError
from dz.tasklib.virtualenvs import requirements
from dz.tasklib.virtualenvs.bytecode import link_bytecode
from dz.tasklib.virtualenvs.requirements import Requirements

_LONGEST = 6 * 3600
"""Seconds, far more than an installation may last."""


@dataclass(frozen=True)
class PackageCache:
    """Installs wheels as a Unix user that belongs to no project.

    Args:
        folder: ours; on the file system of the virtualenvs, so that files are linked rather than copied.
        sandbox: runs the installer as that user.
    """

    folder: Path
    sandbox: Sandbox

    def install(
        self,
        found: Requirements,
        target: Path,
        *,
        interpreter: Interpreter,
        installer: Installer,
        bytecode: bool,
        on_line: Callable[[str], None] | None,
    ) -> bool:
        """Make the virtualenv `target`, which appears whole; return False if that cannot be done with wheels alone.

        The project can read its files but not change them.

        Raises:
            ServiceUnavailable: the index does not answer (transient).
        """
        if found.needs_checkout:
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        cache = owned(self.folder / "cache", self.sandbox.user)
        try:
            with self._workspace() as work:
                made = owned(work / "env", self.sandbox.user)
                self._fill(made, requirements.write(found, work), cache, interpreter, installer, on_line)
                if bytecode:
                    done = self.folder / "compiled"
                    link_bytecode(made, cache, done, interpreter=interpreter, sandbox=self.sandbox)
                trees.take_over(made)
                made.rename(target)
        except DzError as error:
            if error.transient:
                raise
            if on_line:
                on_line("Not everything has a wheel that fits: it is installed once more, and built.")
            return False
        return True

    def _fill(
        self,
        made: Path,
        listing: Listing,
        cache: Path,
        interpreter: Interpreter,
        installer: Installer,
        on_line: Callable[[str], None] | None,
    ) -> None:
        installer.make_virtualenv(made, interpreter=interpreter, sandbox=self.sandbox, cache=cache)
        installer.install(
            listing,
            made,
            interpreter=interpreter,
            sandbox=self.sandbox,
            cache=cache,
            bytecode=False,
            wheels_only=True,
            on_line=on_line,
        )

    @contextlib.contextmanager
    def _workspace(self) -> Iterator[Path]:
        """Yield a temporary folder; first remove those of killed installations, older than any that still runs."""
        for left in self.folder.glob("new-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.lstat().st_mtime > _LONGEST:
                    trees.discard_tree(left)
        work = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        try:
            work.chmod(0o755)
            yield work
        finally:
            trees.discard_tree(work)
