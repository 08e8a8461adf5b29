"""Rooms for proofs on a build server: a folder for one proof at a time, gone afterwards, and caches that stay a while.

A proof of code that no project owns yet runs as the user of its room, so that checks need few users. What a killed
proof left in a room is removed when the next proof, of whatever source, begins.
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
"""Proofs at a time on one build server; more wait."""
CACHE_SECONDS = 7 * 86400
"""How long the cache of a source that nobody deploys is kept."""
_POLL = 0.5


@dataclass(frozen=True)
class Room:
    """A place for one proof.

    Args:
        path: a new folder of ours that every user can enter.
        cache: the installer's cache for this source, of the sandbox's user.
        sandbox: the confinement of the code.
    """

    path: Path
    cache: Path
    sandbox: Sandbox


def source_key(url: str, ref: str | None) -> str:
    """Return the name of a source's cache: another ref may be another author, who must not fill the same one."""
    return hashlib.sha256(f"{url}\n{ref or ''}".encode()).hexdigest()[:24]


@contextlib.contextmanager
def room(folder: Path, source: str, sandbox_of: Callable[[str, Path], Sandbox]) -> Iterator[Room]:
    """Yield an empty room; nothing of it is left afterwards but the source's cache.

    Args:
        folder: the build server's folder of proofs.
        source: a `source_key`.
        sandbox_of: returns the sandbox of a room by its name, with the home folder that is given.
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
    """Give the cache that a proof of a source has filled to its project, if that has none yet."""
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
    """Hold a room, waiting for one; all that are free are cleaned."""
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
    """Return the lock of a room, a descriptor, or None if a living process holds it."""
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
    """Take the source's cache into the room, where only its user meets it, and put it back."""
    here, kept = path / "cache", caches / source
    with contextlib.suppress(FileNotFoundError):
        kept.rename(here)
        _give(here, user)
    yield owned(here, user)
    os.utime(here)
    # Two proofs of one source at a time: the first one's cache stays.
    with contextlib.suppress(OSError):
        here.rename(kept)


def _give(tree: Path, user: str | None) -> None:
    """Give to a user what belongs to the tree's owner so far, and nothing that a link leads to."""
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
