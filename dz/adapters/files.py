"""Atomic writes and file locks for the platform's own files."""

import contextlib
import fcntl
import glob
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


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
def locked(path: Path) -> Iterator[int]:
    """Wait for a lock on the file `path`, created if missing, and hold it; the lock dies with the process.

    Yields its descriptor: a program that inherits it holds the lock, too, should it outlive this process.
    """
    with _opened(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@contextlib.contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Try to lock the file `path` without waiting, and yield whether that succeeded; see `locked`."""
    with _opened(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except BlockingIOError:
            held = False
        yield held


def _opened(path: Path) -> BinaryIO:
    """Open a lock file that only its owner may read, because whoever can open it can hold the lock."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "rb")
