"""Safe extraction of archives: only what `dz.adapters.archive.pack` writes is accepted.

That means files, folders and relative links that stay inside the tree, each folder before its content. The extractor
walks by file descriptor and never follows a link. Sources: threats T29, T30.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self, cast

import zstandard

from dz.adapters import files, trees
from dz.adapters.tar_format import DEEPEST, FILE, FOLDER, Member, Reader, Source, refuse, text

_FEW = 300
"""Up to this many files and folders are synced singly: syncing the whole file system may write many times as much."""
_WRITE_SECONDS = 0.2
_WINDOW = 64 * 1024**2
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MAKE_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_IMPOSSIBLE = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_GET_FLAGS, _SET_FLAGS, _TOP_OF_TREES = 0x80086601, 0x40086602, 0x20000
"""FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_TOPDIR_FL of linux/fs.h."""
_libc = ctypes.CDLL(None, use_errno=True)


def extract(archive: Path, target: Path, *, owner: tuple[int, int] | None, max_bytes: int, max_members: int) -> None:
    """Extract `archive` into `target`, which appears whole or not at all; an existing target is left alone.

    Args:
        owner: uid and gid of all that is written, the folder included; None: this process's.
        max_bytes: how many bytes the uncompressed archive may have.
        max_members: how many files, folders and links it may hold.

    Raises:
        BundleRefused: the archive holds something that `pack` does not write, or exceeds a limit.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.locked(target.with_name(f".{target.name}.lock")):
        if target.exists():
            return
        for rest in files.parts(target):
            trees.discard_tree(rest)
        _spread(target.parent)
        part = files.part_of(target)
        part.mkdir(mode=0o700)
        try:
            with _Tree(part, owner) as tree, _written_meanwhile(part):
                _read_tar(archive, tree, max_bytes, max_members)
                tree.finish()
            part.rename(target)
        except BaseException:
            trees.discard_tree(part)
            raise
        _sync(target.parent)


def link_stays_inside(path: str, target: str) -> bool:
    """Say whether a link at `path` that points to `target` stays inside the tree, wherever other links point.

    It may begin with as many '..' as there are folders above the link. A '..' further on is refused, because it could
    step out of a folder that is itself a link.
    """
    parts = target.split("/")
    upwards = 0
    while upwards < len(parts) and parts[upwards] == "..":
        upwards += 1
    below = [part for part in parts[upwards:] if part not in ("", ".")]
    return bool(target) and target[0] != "/" and "\0" not in target and upwards <= path.count("/") and ".." not in below


def _read_tar(archive: Path, tree: "_Tree", max_bytes: int, max_members: int) -> None:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with archive.open("rb") as file, decompressor.stream_reader(file) as stream:
            reader = Reader(cast("Source", stream), max_bytes)
            for number, member in enumerate(reader, 1):
                if number > max_members:
                    refuse(f"The archive holds more than {max_members} files.")
                tree.add(member, reader)
    except zstandard.ZstdError as error:
        refuse(f"{archive.name} is not an archive made by this platform: {error}.")


class _Tree:
    """Writes below a folder; the folders above the last member stay open, because the next one usually shares them."""

    def __init__(self, root: Path, owner: tuple[int, int] | None) -> None:
        self._owner = owner
        self._written: list[bytes] = []
        self._open, self._names = [os.open(root, _OPEN_FOLDER)], list[bytes]()
        self._folder = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close(0)
        os.close(self._open.pop())

    def add(self, member: Member, reader: Reader) -> None:
        """Write a member; it must not exist yet, but its folder must."""
        if member.kind in (FILE, FOLDER) and len(self._written) <= _FEW:
            self._written.append(member.name)
        folder, _, name = member.name.rpartition(b"/")
        if name in (b"", b".", b".."):
            refuse(f"The archive holds the path {text(member.name)!r}.")
        try:
            above = self._opened(folder)
            if member.kind == FILE:
                self._add_file(member, reader, name, above)
            elif member.kind == FOLDER:
                os.mkdir(name, 0o755, dir_fd=above)
                self._own(self._opened(member.name), 0o755)
            else:
                self._add_link(member, name, above)
        except OSError as error:
            if error.errno not in _IMPOSSIBLE:
                raise
            found = f"{text(member.name)!r} twice, before its folder, behind a link, or with too long a name"
            refuse(f"The archive holds {found} ({error.strerror}).")

    def finish(self) -> None:
        """Give the root its owner and mode, and sync everything to disk."""
        self._own(self._open[0], 0o755)
        if len(self._written) <= _FEW:
            for path in (*self._written, b"."):
                _sync(path, within=self._open[0])
        elif _libc.syncfs(self._open[0]) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def _add_file(self, member: Member, reader: Reader, name: bytes, above: int) -> None:
        mode = 0o755 if member.executable else 0o644
        file = os.open(name, _MAKE_FILE, mode, dir_fd=above)
        try:
            for data in reader.content(member.size):
                left = data
                while left:
                    left = left[os.write(file, left) :]
            self._own(file, mode)
        finally:
            os.close(file)

    def _add_link(self, member: Member, name: bytes, above: int) -> None:
        if not link_stays_inside(os.fsdecode(member.name), os.fsdecode(member.link)):
            refuse(f"The link {text(member.name)!r} in the archive points to {text(member.link)!r}, outside of it.")
        os.symlink(member.link, name, dir_fd=above)
        if self._owner:
            os.chown(name, *self._owner, dir_fd=above, follow_symlinks=False)

    def _own(self, handle: int, mode: int) -> None:
        if self._owner:
            os.fchown(handle, *self._owner)
        os.fchmod(handle, mode)

    def _opened(self, folder: bytes) -> int:
        """Open a folder component by component, from what it shares with the last one, so that no link is followed."""
        if folder != self._folder:
            names = folder.split(b"/") if folder else []
            if any(name in (b"", b".", b"..") for name in names) or len(names) > DEEPEST:
                refuse(f"The archive holds the path {text(folder)!r}.")
            pairs = zip(names, self._names, strict=False)
            shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
            self._close(shared)
            for name in names[shared:]:
                self._open.append(os.open(name, _OPEN_FOLDER, dir_fd=self._open[-1]))
                self._names.append(name)
            self._folder = folder
        return self._open[-1]

    def _close(self, depth: int) -> None:
        while len(self._names) > depth:
            self._names.pop()
            os.close(self._open.pop())


def _spread(folder: Path) -> None:
    """Let ext4 spread the folders below this one over the disk, by a hash of each name.

    Otherwise the inodes of a new tree are allocated near those of a tree that was just deleted, which ext4 has to skip
    one by one: seconds for 17,000 files.
    Sources: chattr(1), attribute T; recently_deleted() in Linux's fs/ext4/ialloc.c.
    """
    with contextlib.suppress(OSError), _opened(folder) as handle:
        flags = array.array("i", [0, 0])
        fcntl.ioctl(handle, _GET_FLAGS, flags)
        if not flags[0] & _TOP_OF_TREES:
            flags[0] |= _TOP_OF_TREES
            fcntl.ioctl(handle, _SET_FLAGS, flags)


@contextlib.contextmanager
def _written_meanwhile(folder: Path) -> Iterator[None]:
    """Sync in the background during extraction, so that little is left to wait for at the end."""
    finished = threading.Event()

    def write() -> None:
        with _opened(folder) as handle:
            while not finished.wait(_WRITE_SECONDS):
                _libc.syncfs(handle)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _sync(path: Path | bytes, *, within: int | None = None) -> None:
    with _opened(path, within=within) as handle:
        os.fsync(handle)


@contextlib.contextmanager
def _opened(path: Path | bytes, *, within: int | None = None) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)
