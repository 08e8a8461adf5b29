"""Layers of a bundle: deterministic tar + zstd archives. Source: threat T28."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self, cast

import zstandard

from dz.adapters import files, tar_format
from dz.adapters.extraction import extract, link_stays_inside
from dz.adapters.tar_format import DEEPEST, FILE, FOLDER, LINK, Member, refuse

__all__ = ["Kind", "Layer", "extract", "keep_all", "link_stays_inside", "pack"]

Kind = Literal["environment", "code", "static"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True)
class Layer:
    """An archive, identified by the sha256 and the size in bytes of its file."""

    kind: Kind
    sha256: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """Return the layer as an entry of a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Self:
        """Return the layer that an entry of a manifest describes."""
        return cls(cast("Kind", str(entry["kind"])), str(entry["sha256"]), int(entry["size"]))


def keep_all(path: str) -> bool:
    """Skip nothing."""
    return False


def pack(folder: Path, archive: Path, *, kind: Kind, skip: Callable[[str], bool] = keep_all) -> Layer:
    """Pack the content of `folder` into `archive` and return its layer; equal content gives equal bytes.

    Args:
        skip: says whether to leave out a path relative to `folder`, with everything below it.

    Raises:
        BundleRefused: the folder holds a device, socket or pipe, or a link that leads out of it.
    """
    with files.appearing(archive, mode=0o644) as file:
        tee = _HashingWriter(file)
        # Any number of threads gives the same bytes, but zero would give different ones.
        # Compared with level 3, level 1 takes two thirds of the CPU time and gives a tenth more bytes.
        compressor = zstandard.ZstdCompressor(level=1, threads=2)
        with compressor.stream_writer(cast("BinaryIO", tee), closefd=False) as writer:
            _Packing(cast("BinaryIO", writer), skip).run(folder)
    return Layer(kind, tee.hash.hexdigest(), tee.size)


class _HashingWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


class _Packing:
    """Walks by file descriptor, so that swapping a folder for a link during the walk cannot lead it outside."""

    def __init__(self, writer: BinaryIO, skip: Callable[[str], bool]) -> None:
        self._writer, self._skip = writer, skip
        self._waiting, self._size, self._written = list[bytes](), 0, 0

    def run(self, folder: Path) -> None:
        """Write the whole archive."""
        with _opened(folder, _FOLDER) as handle:
            self._add_content(handle, "", 0)
        self._write(tar_format.end(self._written + self._size))
        self._flush()

    def _add_content(self, folder: int, below: str, depth: int) -> None:
        if depth > DEEPEST:
            refuse(f"{below!r} lies in more than {DEEPEST} folders.")
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            path = below + entry.name
            if not self._skip(path):
                self._add(entry, folder, path, depth)

    def _add(self, entry: os.DirEntry[str], folder: int, path: str, depth: int) -> None:
        name = os.fsencode(path)
        if entry.is_symlink():
            link = os.readlink(entry.name, dir_fd=folder)
            if not link_stays_inside(path, link):
                refuse(f"The link {path!r} points to {link!r}, outside of what is archived.")
            self._write(tar_format.header(Member(LINK, name, os.fsencode(link))))
        elif entry.is_dir(follow_symlinks=False):
            self._write(tar_format.header(Member(FOLDER, name)))
            with _opened(entry.name, _FOLDER, folder) as handle:
                self._add_content(handle, f"{path}/", depth + 1)
        elif entry.is_file(follow_symlinks=False):
            with _opened(entry.name, _FILE, folder) as handle:
                self._add_file(handle, path, name)
        else:
            refuse(f"{path!r} is a device, socket or pipe.")

    def _add_file(self, handle: int, path: str, name: bytes) -> None:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            refuse(f"{path!r} is a device, socket or pipe.")
        self._write(tar_format.header(Member(FILE, name, b"", facts.st_size, bool(facts.st_mode & 0o111))))
        left = facts.st_size
        while left:
            data = os.read(handle, min(left, tar_format.CHUNK))
            if not data:
                refuse(f"{path!r} became shorter while it was archived.")
            self._write(data)
            left -= len(data)
        self._write(tar_format.padding(facts.st_size))

    def _write(self, data: bytes) -> None:
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= tar_format.CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._writer.write(b"".join(self._waiting))
        self._written += self._size
        self._waiting, self._size = [], 0


@contextlib.contextmanager
def _opened(name: str | Path, flags: int, folder: int | None = None) -> Iterator[int]:
    handle = os.open(name, flags, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)
