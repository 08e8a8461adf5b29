"""The platform's own files: written whole, and locked by one process at a time."""

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


def write(
    path: Path, content: str | bytes, *, mode: int, owner: tuple[int, int] | None = None, sync: bool = True
) -> None:
    """Replace a file in one step; at no moment is it half written, or readable by more than `mode` and `owner` allow.

    Args:
        mode: permissions, such as 0o600.
        owner: uid and gid; None: this process's own.
        sync: wait until the disk holds it; without that, a crash of the machine may leave it empty.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if owner:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, made if it is missing; waits for whoever holds it, and dies with the process."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Try to hold the lock file `path`, and yield whether that succeeded; see `locked`."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
