"""Rooms for proofs on a build server: each holds one proof at a time in a temporary folder; caches stay for a while.

A proof of code that no project owns yet runs as the user of its room, so that checks need few users. What a killed
proof left in a room is removed when the next proof begins, whatever its source.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dz.adapters.sandbox import Sandbox
from dz.adapters.users import owned

ROOMS = 4
"""How many proofs run at a time on one build server; others wait."""
CACHE_SECONDS = 7 * 86400
"""Seconds for which the cache of a source that nobody deploys is kept."""
_POLL = 0.5


@dataclass(frozen=True)
class Room:
    """A place for one proof.

    Args:
        path: a new folder of ours that every user can enter.
        cache: the installer's cache for this source, owned by the sandbox's user.
        sandbox: confines the project's code.
    """

    path: Path
    cache: Path
    sandbox: Sandbox


def source_key(url: str, ref: str | None) -> str:
    """Return the name of a source's cache, one per ref: another author's code must not fill the same cache."""
    return hashlib.sha256(f"{url}\n{ref or ''}".encode()).hexdigest()[:24]


@contextlib.contextmanager
def room(folder: Path, source: str, sandbox_of: Callable[[str, Path], Sandbox]) -> Iterator[Room]:
    """Yield an empty room; only the source's cache is left afterwards.

    Args:
        folder: the build server's folder of proofs.
        source: a `source_key`.
        sandbox_of: called with a room's name and a home folder, returns the room's sandbox.
    """
    caches = folder / "caches"
    caches.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _free_room(folder) as place:
        path = Path(tempfile.mkdtemp(prefix=".new-", dir=place))
        path.chmod(0o755)
        try:
            sandbox = sandbox_of(place.name, path / "home")
            with _cache(caches, source, path, sandbox.user) as cache:
                yield Room(path, cache, sandbox)
        finally:
            shutil.rmtree(path, ignore_errors=True)


def hand_over_cache(folder: Path, source: str, target: Path, user: str | None) -> None:
    """Hand the cache that the proof of a source has filled over to its project, unless that has one already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".new-{source}")
    if target.exists():
        return
    with contextlib.suppress(FileNotFoundError):
        (folder / "caches" / source).rename(part)
        _give(part, user)
        part.rename(target)


@contextlib.contextmanager
def _free_room(folder: Path) -> Iterator[Path]:
    """Wait for a free room and hold it; clean all rooms that are free."""
    places = [folder / f"proof-{number}" for number in range(1, ROOMS + 1)]
    with contextlib.ExitStack() as stack:
        while True:
            held = [(place, lock) for place in places if (lock := _taken(place)) is not None]
            for place, _ in held:
                _clean(place)
            if held:
                break
            time.sleep(_POLL)
        stack.callback(os.close, held[0][1])
        for _, lock in held[1:]:
            os.close(lock)
        _forget_old(folder / "caches")
        yield held[0][0]


def _taken(place: Path) -> int | None:
    """Lock a room and return the lock's file descriptor, or None if a live process holds it."""
    place.mkdir(exist_ok=True)
    lock = os.open(place / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _clean(place: Path) -> None:
    for left in place.glob(".new-*"):
        shutil.rmtree(left, ignore_errors=True)


def _forget_old(caches: Path) -> None:
    for cache in caches.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - cache.stat().st_mtime > CACHE_SECONDS:
                shutil.rmtree(cache, ignore_errors=True)


@contextlib.contextmanager
def _cache(caches: Path, source: str, path: Path, user: str | None) -> Iterator[Path]:
    """Move the source's cache into the room, where only the room's user can reach it, and back afterwards."""
    here, kept = path / "cache", caches / source
    with contextlib.suppress(FileNotFoundError):
        kept.rename(here)
        _give(here, user)
    yield owned(here, user)
    os.utime(here)
    # If two proofs of one source run at a time, the cache of the one that ends first stays.
    with contextlib.suppress(OSError):
        here.rename(kept)


def _give(tree: Path, user: str | None) -> None:
    """Give a user everything in the tree that belongs to the tree's owner, without following links."""
    if not user:
        return
    entry, before = pwd.getpwnam(user), tree.stat().st_uid
    if entry.pw_uid == before:
        return
    for _, folders, files, descriptor in os.fwalk(tree):
        for name in (*folders, *files):
            if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == before:
                os.chown(name, entry.pw_uid, entry.pw_gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(tree, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
