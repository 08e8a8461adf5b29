"""Rooms for proofs on a build server: each holds one proof at a time in a temporary folder; caches stay for a while.

A proof of code that no project owns yet runs as the user of its room, so that checks need few users. What a killed
proof left in a room is removed when the next proof begins, whatever its source.
"""

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.adapters import files, trees
from dz.adapters.sandbox import Sandbox
from dz.adapters.users import give_tree, owned
from dz.errors import going_on

ROOMS = 4
"""How many proofs run at a time on one build server; others wait."""
CACHE_SECONDS = 7 * 86400
"""Seconds for which the cache of a source that nobody deploys is kept."""
_POLL = 0.5
logger = logging.getLogger("dz.proof")


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
            trees.discard_tree(path)


def hand_over_cache(folder: Path, source: str, target: Path, user: str | None) -> None:
    """Hand the cache that the proof of a source has filled over to its project, unless that has one already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".new-{source}")
    if target.exists():
        return
    with contextlib.suppress(FileNotFoundError):
        (folder / "caches" / source).rename(part)
        give_tree(part, user)
        part.rename(target)


@contextlib.contextmanager
def _free_room(folder: Path) -> Iterator[Path]:
    """Wait for a free room and hold it; clean all rooms that are free."""
    places = [folder / f"proof-{number}" for number in range(1, ROOMS + 1)]
    for place in places:
        place.mkdir(exist_ok=True)
    with contextlib.ExitStack() as lock:
        while not (free := _clean_free(places, lock)):
            time.sleep(_POLL)
        _forget_old(folder / "caches")
        yield free


def _clean_free(places: Sequence[Path], lock: contextlib.ExitStack) -> Path | None:
    """Remove what is left in the rooms that no living process holds, and return the first of them, held by `lock`."""
    first = None
    for place in places:
        with contextlib.ExitStack() as held:
            if held.enter_context(files.try_locked(place / ".lock")):
                for left in place.glob(".new-*"):
                    trees.discard_tree(left)
                if first is None:
                    first = place
                    lock.push(held.pop_all())
    return first


def _forget_old(caches: Path) -> None:
    for cache in caches.iterdir():
        with going_on(logger, f"forgetting the cache {cache.name}"), contextlib.suppress(FileNotFoundError):
            if time.time() - cache.lstat().st_mtime > CACHE_SECONDS:
                trees.discard_tree(cache)


@contextlib.contextmanager
def _cache(caches: Path, source: str, path: Path, user: str | None) -> Iterator[Path]:
    """Move the source's cache into the room, where only the room's user can reach it, and back afterwards."""
    here, kept = path / "cache", caches / source
    with contextlib.suppress(FileNotFoundError):
        kept.rename(here)
        give_tree(here, user)
    yield owned(here, user)
    os.utime(here)
    # If two proofs of one source run at a time, the cache of the one that ends first stays.
    with contextlib.suppress(OSError):
        here.rename(kept)
