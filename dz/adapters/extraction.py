"""Safe extraction of archives: only what `dz.adapters.archive.pack` writes is accepted.

That is GNU headers for files, folders and relative links that stay inside, each folder before its content. The
extractor walks by file descriptors and never follows a link. Sources: threats T29, T30.
"""

import contextlib
import fcntl
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn, Self, cast

import zstandard

from dz.errors import BundleRefused

_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, *_LONG)
_LONGEST_NAME = 8192
_WINDOW = 64 * 1024**2
_REMEDY = "Build the version again; if it happens again, the archive was not made by this platform: do not use it."


def extract(archive: Path, target: Path, *, owner: tuple[int, int] | None, max_bytes: int, max_members: int) -> None:
    """Extract `archive` into `target`, which appears whole or not at all; an existing target is left alone.

    Args:
        owner: uid and gid of all that is written, the folder included; None: this process's.
        max_bytes: bytes of the uncompressed archive.
        max_members: files, folders and links.

    Raises:
        BundleRefused: the archive holds something else than `pack` writes, or exceeds a limit.
    """
    with _locked(target):
        if target.exists():
            return
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        try:
            _read_tar(archive, part, owner, max_bytes, max_members)
            _finish(part, owner)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        _sync(target.parent)


def link_stays_inside(path: str, target: str) -> bool:
    """Tell whether a link at `path` with text `target` cannot lead out of the tree, whatever other links do.

    Steps upwards come first and are fewer than the folders above the link; a later '..' could step out of a folder
    that is itself a link.
    """
    parts = target.split("/")
    upwards = 0
    while upwards < len(parts) and parts[upwards] == "..":
        upwards += 1
    below = [part for part in parts[upwards:] if part not in ("", ".")]
    return bool(target) and target[0] != "/" and "\0" not in target and upwards <= path.count("/") and ".." not in below


class _LimitedReader:
    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit, self._left = file, limit, limit

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            refuse(f"The archive holds more than {self._limit} bytes.")
        return data


class _PlainMember(tarfile.TarInfo):
    """Refuses a header by its type before tarfile acts on it: no pax, sparse, hard link or special file."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type not in _TYPES:
            refuse(f"The archive holds {member.name!r}, which is not a file, folder or link.")
        if member.size < 0 or (member.type in _LONG and member.size > _LONGEST_NAME):
            refuse(f"The archive holds {member.name!r} with an impossible size.")
        return member


def _read_tar(archive: Path, root: Path, owner: tuple[int, int] | None, max_bytes: int, max_members: int) -> None:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with archive.open("rb") as file, decompressor.stream_reader(file) as stream:
            reader = cast("BinaryIO", _LimitedReader(cast("BinaryIO", stream), max_bytes))
            with tarfile.open(fileobj=reader, mode="r|", tarinfo=_PlainMember, encoding="utf-8") as tar:
                for number, member in enumerate(tar, 1):
                    if number > max_members:
                        refuse(f"The archive holds more than {max_members} files.")
                    _write_member(tar, member, root_fd, owner)
                    tar.members = []  # type: ignore[attr-defined]  # tarfile would remember every member
    except (tarfile.TarError, zstandard.ZstdError, RecursionError, ValueError, EOFError) as error:
        refuse(f"{archive.name} is not an archive made by this platform: {error}.")
    finally:
        os.close(root_fd)


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: int, owner: tuple[int, int] | None) -> None:
    *folders, name = member.name.split("/")
    if any(part in ("", ".", "..") for part in (*folders, name)):
        refuse(f"The archive holds the path {member.name!r}.")
    try:
        with _opened_folder(root, folders) as folder:
            _create(tar, member, folder, name)
            if owner:
                os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
        refuse(f"The archive holds {member.name!r} twice, before its folder, or behind a link ({error.strerror}).")


def _create(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: int, name: str) -> None:
    if member.issym():
        if not link_stays_inside(member.name, member.linkname):
            refuse(f"The link {member.name!r} in the archive points to {member.linkname!r}, outside of it.")
        os.symlink(member.linkname, name, dir_fd=folder)
    elif member.isdir():
        os.mkdir(name, 0o755, dir_fd=folder)
    else:
        mode = 0o755 if member.mode & 0o111 else 0o644
        content = tar.extractfile(member)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(name, flags, mode, dir_fd=folder), "wb") as file:
            if content:
                shutil.copyfileobj(content, file, 1024 * 256)
            os.fchmod(file.fileno(), mode)


@contextlib.contextmanager
def _opened_folder(root: int, names: list[str]) -> Iterator[int]:
    """Open a folder below `root` step by step, so that no link on the way is followed."""
    current = os.dup(root)
    try:
        for name in names:
            step = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = step
        yield current
    finally:
        os.close(current)


def _finish(part: Path, owner: tuple[int, int] | None) -> None:
    part.chmod(0o755)
    if owner:
        os.chown(part, *owner)
    os.sync()


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse(found: str) -> NoReturn:
    """Raise BundleRefused."""
    raise BundleRefused(found, _REMEDY)
