"""Trees of files that a project's user may change at any moment: how root removes, takes over, hands over and reads them.

Nothing here goes by path below the top of a tree. Each folder is opened from the one above it, never through a link, and
becomes this process's own before anything in it is looked at: from then on nobody else can add, rename or replace a name
in it, whatever descriptors they hold. The way up is `..`, compared with the folder through which the walk came down. Nothing
recurses, and four descriptors are open at most, however deep a tree is. The folder that a tree lies in must be ours.
Sources: openat(2), path_resolution(7); fchmod bounds the entries of an access control list, acl(5).
"""

import contextlib
import errno
import fnmatch
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.errors import BundleRefused

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_TRIES = 5
"""How often a removal is tried while a process of our own user goes on making files in the tree."""
_MOST_FOLDERS = 2_000_000
"""Folders after which a walk gives up: somebody may make new ones faster than they can be taken."""
_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_DEFAULT_ACL = "system.posix_acl_default"
logger = logging.getLogger("dz.trees")


def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it, or a file; if there is none, do nothing.

    Raises:
        OSError: something could not be removed; everything else is gone.
    """
    for number in range(1, _TRIES + 1):
        removal = _Removal()
        try:
            removal.walk(path)
        except OSError:  # there is no such folder, but there may be a file or a link
            path.unlink(missing_ok=True)
        if removal.error is None:
            return
        if number == _TRIES:
            raise removal.error


def discard_tree(path: Path) -> bool:
    """Remove a tree that nobody waits for; what is in the way is logged, and never raised. Return whether it is gone."""
    try:
        remove_tree(path)
    except OSError as error:
        logger.warning("%s could not be removed: %s. It is tried again at the next cleaning.", path, error)
        return False
    return True


def take_over(tree: Path) -> None:
    """Make every folder of a tree ours, so that its owner can no longer add, replace or move a name in it.

    The files stay their owner's, who may still change what they hold; they can be hard links to files of a cache.

    Raises:
        BundleRefused: a file in it belongs to somebody else, so its owner has linked what is not theirs; or `tree` is no
            folder, or part of it lies on another file system.
    """
    try:
        _TakeOver().walk(tree)
    except OSError as error:
        raise BundleRefused(
            f"{tree.name} cannot be taken over: {error.strerror}.", "Build the version again; nothing was published."
        ) from error


def is_ours(tree: Path) -> bool:
    """Say whether the top of a tree belongs to this process's user."""
    return tree.lstat().st_uid == os.geteuid()


def hand_over(tree: Path, uid: int, gid: int) -> None:
    """Give a user everything in a tree that belongs to the tree's owner; each folder only when all in it is given.

    Raises:
        OSError: it is no folder, or it was changed in a way that only its owner's own processes can.
    """
    _HandOver(uid, gid).walk(tree)


def read(tree: Path, name: str, *, limit: int) -> bytes | None:
    """Return the content of a regular file, or None: it is missing, larger than `limit` bytes, or behind a link.

    A file below a tree that is not ours must belong to the tree's owner, who may have linked others here.

    Args:
        tree: its path leads through folders of ours only.
        name: the path of the file below the tree.
    """
    *folders, last = name.split("/")
    try:
        owner = tree.lstat().st_uid
        with _opened(tree, folders) as folder:
            descriptor = os.open(last, _FILE, dir_fd=folder)
    except OSError:
        return None
    with _descriptor(descriptor):
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or owner not in (os.geteuid(), facts.st_uid):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            data = stream.read(limit + 1)
    return data if len(data) <= limit else None


def matching(tree: Path, *patterns: str) -> Iterator[str]:
    """Yield the paths below a tree that match a pattern per level; links count for nothing.

    Args:
        patterns: for the names of each level, see `fnmatch`; all but the last are of folders.
    """
    found = [""]
    for number, pattern in enumerate(patterns):
        found = [
            f"{above}{name}" + "/" * (number + 1 < len(patterns))
            for above in found
            for name in _names(tree, above, pattern)
        ]
    yield from found


def folder_below(above: Path, name: str, *, mode: int, owner: tuple[int, int] | None) -> None:
    """Make a folder in one that a project's user owns, and give it to that user; what else has that name is left alone.

    Args:
        above: lies in a folder of ours.
        owner: uid and gid of the user; None: this process's own.
    """
    with _opened(above, []) as folder, contextlib.suppress(OSError):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=folder)
        with _descriptor(os.open(name, _FOLDER, dir_fd=folder)) as made:
            if owner and os.fstat(made).st_uid == os.geteuid():
                os.fchown(made, *owner)


def _names(tree: Path, above: str, pattern: str) -> list[str]:
    with contextlib.suppress(OSError), _opened(tree, above.split("/")[:-1]) as folder, os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries if fnmatch.fnmatchcase(entry.name, pattern) and not entry.is_symlink()
        )
    return []


@contextlib.contextmanager
def _descriptor(number: int) -> Iterator[int]:
    try:
        yield number
    finally:
        os.close(number)


@contextlib.contextmanager
def _opened(tree: Path, folders: Sequence[str]) -> Iterator[int]:
    """Open a folder below a tree component by component."""
    if {"", ".", ".."} & set(folders):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/".join(folders))
    here = os.open(tree, _FOLDER)
    try:
        for name in folders:
            below = os.open(name, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


@dataclass
class _Level:
    """A folder that is being walked.

    Args:
        facts: what it was before it became ours.
        waiting: names of folders in it that are still to be walked.
    """

    name: str
    facts: os.stat_result
    waiting: list[str]


class _Walk:
    """Goes through a tree depth first; what is done with files and folders is said by subclasses."""

    mode = 0o700

    def __init__(self) -> None:
        self._device, self._entered = -1, 0

    def file(self, folder: int, name: str) -> None:
        """Handle what is no folder, in a folder that is ours."""
        raise NotImplementedError

    def done(self, folder: int, level: _Level) -> None:
        """Handle a folder, still open, in which everything was handled."""

    def left(self, above: int, name: str) -> None:
        """Handle a folder from the one above it, when it is done."""

    def refused(self, above: int, name: str, error: OSError) -> None:
        """Handle a folder that cannot be entered."""
        raise error

    def walk(self, top: Path) -> None:
        """Walk a tree; its own top is handled last."""
        with _descriptor(os.open(top.parent, os.O_RDONLY | os.O_DIRECTORY)) as above:
            here, level = self._enter(above, top.name)
            levels = [level]
            try:
                while True:
                    if levels[-1].waiting:
                        name = levels[-1].waiting.pop()
                        try:
                            below, level = self._enter(here, name)
                        except OSError as error:
                            self.refused(here, name, error)
                            continue
                        levels.append(level)
                    else:
                        level = levels.pop()
                        self.done(here, level)
                        if not levels:
                            break
                        below = self._back(here, levels[-1])
                        self.left(below, level.name)
                    os.close(here)
                    here = below
            finally:
                os.close(here)
            self.left(above, top.name)

    def _enter(self, above: int, name: str) -> tuple[int, _Level]:
        """Open a folder, make it ours, and only then look what is in it; files are handled at once."""
        folder = _open_ours(above, name)
        try:
            level = _Level(name, self._taken(folder, name), [])
            with os.scandir(folder) as entries:
                for entry in list(entries):
                    if entry.is_dir(follow_symlinks=False):
                        level.waiting.append(entry.name)
                    else:
                        self.file(folder, entry.name)
        except BaseException:
            os.close(folder)
            raise
        return folder, level

    def _taken(self, folder: int, name: str) -> os.stat_result:
        """Make a folder ours and return what it was before."""
        facts = os.fstat(folder)
        self._entered += 1
        if self._device not in (-1, facts.st_dev) or self._entered > _MOST_FOLDERS:
            raise OSError(errno.EXDEV, "it reaches into another file system, or has too many folders", name)
        self._device = facts.st_dev
        foreign = facts.st_uid != os.geteuid()
        if foreign:
            os.fchown(folder, os.geteuid(), -1)
            with contextlib.suppress(OSError):
                os.removexattr(folder, _DEFAULT_ACL)
        if foreign or facts.st_mode & 0o722 != 0o700:
            os.fchmod(folder, self.mode)
        return facts

    @staticmethod
    def _back(folder: int, level: _Level) -> int:
        above = os.open("..", _FOLDER, dir_fd=folder)
        facts = os.fstat(above)
        if (facts.st_dev, facts.st_ino) != (level.facts.st_dev, level.facts.st_ino):
            os.close(above)
            raise OSError(errno.ESTALE, "it was moved meanwhile", level.name)
        return above


def _open_ours(above: int, name: str) -> int:
    """Open a folder for reading, also one of ours that has no permission bits."""
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        with _descriptor(os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)) as closed:
            Path(f"/proc/self/fd/{closed}").chmod(0o700)
            return os.open(".", _FOLDER, dir_fd=closed)


class _Removal(_Walk):
    """Removes what it can, and keeps the first error."""

    def __init__(self) -> None:
        super().__init__()
        self.error: OSError | None = None

    def walk(self, top: Path) -> None:
        try:
            super().walk(top)
        except OSError as error:
            if not self._entered and error.errno in _NO_FOLDER:
                raise
            self._keep(error)

    def file(self, folder: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._keep(error)

    def left(self, above: int, name: str) -> None:
        try:
            os.rmdir(name, dir_fd=above)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._keep(error)

    def refused(self, above: int, name: str, error: OSError) -> None:
        if error.errno in _NO_FOLDER:
            self.file(above, name)
        else:
            before, self.error = self.error, None
            self.left(above, name)
            self.error = before or (error if self.error else None)

    def _keep(self, error: OSError) -> None:
        self.error = self.error or error


class _TakeOver(_Walk):
    mode = 0o755

    def __init__(self) -> None:
        super().__init__()
        self._owner: int | None = None

    def _enter(self, above: int, name: str) -> tuple[int, _Level]:
        if self._owner is None:
            self._owner = os.stat(name, dir_fd=above, follow_symlinks=False).st_uid
        return super()._enter(above, name)

    def file(self, folder: int, name: str) -> None:
        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid != self._owner:
            raise PermissionError(errno.EPERM, f"{name!r} in it belongs to somebody else", name)


class _HandOver(_Walk):
    def __init__(self, uid: int, gid: int) -> None:
        super().__init__()
        self._uid, self._gid = uid, gid
        self._before: int | None = None

    def _enter(self, above: int, name: str) -> tuple[int, _Level]:
        if self._before is None:
            self._before = os.stat(name, dir_fd=above, follow_symlinks=False).st_uid
        return super()._enter(above, name)

    def file(self, folder: int, name: str) -> None:
        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid == self._before:
            os.chown(name, self._uid, self._gid, dir_fd=folder, follow_symlinks=False)

    def done(self, folder: int, level: _Level) -> None:
        os.fchmod(folder, stat.S_IMODE(level.facts.st_mode))
        if level.facts.st_uid == self._before:
            os.fchown(folder, self._uid, self._gid)
        else:
            os.fchown(folder, level.facts.st_uid, level.facts.st_gid)
