"""Which files and folders of this machine a container may be given.

An engine is root and takes them by path. Whoever may rename a folder on that path could put a link in its place, to any
file of root's; so nobody but root may.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from dz.errors import OperatorError

_WRITERS = 0o022
_MOST_LINKS = 40


class UnsafeSource(OperatorError):
    """Somebody besides root could put something else in the place of what a container is given."""


def mounts(reads: Sequence[Path], writes: Sequence[Path]) -> list[tuple[Path, Path, bool]]:
    """Return what is mounted: its real path, the path within, and whether it is only read; missing ones are left out.

    Args:
        reads: what is only read, unless it lies below one of `writes`.
        writes: what may be changed.

    Raises:
        UnsafeSource: see there.
    """
    writes = _outermost(writes)
    kept = [path for path in reads if not any(path.is_relative_to(folder) for folder in writes)]
    wanted = [*((path, True) for path in dict.fromkeys(kept)), *((path, False) for path in writes)]
    real = ((_real(path), path, only_read) for path, only_read in wanted)
    return [(found, path, only_read) for found, path, only_read in real if found is not None]


def _outermost(paths: Sequence[Path]) -> list[Path]:
    return [path for path in dict.fromkeys(paths) if not any(path.is_relative_to(one) for one in paths if one != path)]


def _real(path: Path) -> Path | None:
    """Return a path without links, to which nobody but root leads; None if there is nothing."""
    left, found, links = list(path.parts[1:]), Path("/"), 0
    while left:
        above, found = found, found / left.pop(0)
        try:
            entry = found.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not _is_roots(above.lstat(), entry):
            raise UnsafeSource(
                f"{path} cannot be given to a container: whoever may write to {above} could put a link in its place.",
                "Let root own the state folder and the folders above it.",
            )
        if stat.S_ISLNK(entry.st_mode):
            links += 1
            if links > _MOST_LINKS:
                return None
            target = found.readlink()
            left = [*(target.parts[1:] if target.is_absolute() else target.parts), *left]
            found = Path("/") if target.is_absolute() else above
        elif found.name == "..":
            found = above.parent
    return found


def _is_roots(above: os.stat_result, entry: os.stat_result) -> bool:
    """Say whether only root can rename an entry of a folder; in a sticky one, its owner can as well."""
    if above.st_uid != 0:
        return False
    writers = above.st_mode & (_WRITERS if above.st_gid else stat.S_IWOTH)
    return not writers or (bool(above.st_mode & stat.S_ISVTX) and entry.st_uid == 0)
