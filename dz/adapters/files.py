"""Atomic writes and file locks for the platform's own files."""

import contextlib
import errno
import fcntl
import glob
import os
import pwd
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dz.errors import LockHeld, LockRefused

LOCK_SECONDS = 600
"""Longer than any work under a lock takes that has no time of its own."""


def write(
    path: Path, content: str | bytes, *, mode: int, owner: tuple[int, int] | None = None, sync: bool = True
) -> None:
    """Replace a file atomically; it is never half written, nor readable by anybody whom `mode` and `owner` exclude.

    Args:
        mode, owner, sync: see `appearing`.
    """
    with appearing(path, mode=mode, owner=owner, sync=sync) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_if_changed(
    path: Path, content: str, *, mode: int, owner: tuple[int, int] | None = None, sync: bool = True
) -> None:
    """Replace a file atomically unless it already has this content; see `write`."""
    if not path.exists() or path.read_text() != content:
        write(path, content, mode=mode, owner=owner, sync=sync)


@contextlib.contextmanager
def appearing(path: Path, *, mode: int, owner: tuple[int, int] | None = None, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file that atomically replaces `path` if the block succeeds; otherwise `path` stays as it was.

    Args:
        mode: permissions, such as 0o600.
        owner: uid and gid; None: this process's own.
        sync: fsync the file; without that, a crash of the machine may leave it empty.
    """
    part = part_of(path)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            if owner:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Return a new name beside `path` under which it can be made, and then renamed."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")


def parts(path: Path) -> list[Path]:
    """Return the temporary files of processes that were killed while writing `path`; only for its sole writer."""
    return list(path.parent.glob(f".{glob.escape(path.name)}.*.part"))


@contextlib.contextmanager
def locked(path: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[int]:
    """Wait for a lock on the file `path`, created if missing, and hold it; the lock dies with the process.

    Yields its descriptor: a program that inherits it holds the lock, too, should it outlive this process.

    Args:
        seconds: how long to wait.

    Raises:
        LockHeld: it was not free in that time; the text names who holds it.
    """
    with _opened(path) as lock:
        deadline, pause = time.monotonic() + seconds, 0.001
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise LockHeld(
                    f"{path} has been locked for more than {seconds:.0f} s by {_holders(lock) or 'an unknown process'}.",
                    "Wait until that process has ended, or end it if it hangs; then repeat.",
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        yield lock.fileno()


@contextlib.contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Try to lock the file `path` without waiting, and yield whether that succeeded; see `locked`."""
    with _opened(path) as lock:
        yield _taken(lock)


def _taken(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> BinaryIO:
    """Open a lock file that only its owner may read, because whoever can open it can hold the lock.

    Raises:
        LockRefused: it is a link, or belongs to somebody else.
    """
    try:
        lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "rb")
    except PermissionError as error:
        raise _foreign(path) from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _foreign(path) from error
    found = os.fstat(lock.fileno())
    if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
        lock.close()
        raise _foreign(path)
    if found.st_mode & 0o077:
        os.fchmod(lock.fileno(), 0o600)
    return lock


def _foreign(path: Path) -> LockRefused:
    return LockRefused(
        f"The lock file {path} is a link or belongs to another user.",
        "See who made it; remove it if nothing of the platform runs, then repeat as the user that the platform runs as.",
    )


def _holders(lock: BinaryIO) -> str:
    """Return the processes that hold a lock, as far as this process may know: name, number and user of each."""
    wanted, found = os.fstat(lock.fileno()), []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, KeyError):  # it has ended meanwhile, or is another user's
            if any(_holds(process, link, wanted) for link in (process / "fd").iterdir()):
                user = pwd.getpwuid(process.stat().st_uid).pw_name
                found.append(f"{(process / 'comm').read_text().strip()} (process {process.name} of {user})")
    return ", ".join(found)


def _holds(process: Path, link: Path, wanted: os.stat_result) -> bool:
    return os.path.samestat(link.stat(), wanted) and "\nlock:" in (process / "fdinfo" / link.name).read_text()
