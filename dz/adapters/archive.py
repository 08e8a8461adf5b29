"""Layers of a bundle: deterministic tar + zstd archives. Source: threat T28."""

import hashlib
import os
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self, cast

import zstandard

from dz.adapters.extraction import extract, link_stays_inside, refuse

__all__ = ["Kind", "Layer", "extract", "keep_all", "link_stays_inside", "pack"]

Kind = Literal["environment", "code", "static"]


@dataclass(frozen=True)
class Layer:
    """An archive by its content: sha256 and size in bytes of the file."""

    kind: Kind
    sha256: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Self:
        """Return the layer of a manifest's entry."""
        return cls(cast("Kind", str(entry["kind"])), str(entry["sha256"]), int(entry["size"]))


def keep_all(path: str) -> bool:
    """Skip nothing."""
    return False


def pack(folder: Path, archive: Path, *, kind: Kind, skip: Callable[[str], bool] = keep_all) -> Layer:
    """Write the content of `folder` to `archive` and return what it became; equal content gives equal bytes.

    Args:
        skip: tells of a path relative to `folder` whether it is left out, with all below it.

    Raises:
        BundleRefused: the folder holds a device, socket or pipe, or a link that leads out of it.
    """
    part = archive.with_name(f".{archive.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            tee = _HashingWriter(file)
            compressor = zstandard.ZstdCompressor(level=3)
            with compressor.stream_writer(cast("BinaryIO", tee), closefd=False) as writer:
                _write_tar(folder, writer, skip)
            file.flush()
            os.fsync(file.fileno())
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)
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


def _write_tar(folder: Path, writer: Any, skip: Callable[[str], bool]) -> None:
    with tarfile.open(fileobj=writer, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
        for path in _walk(folder, "", skip):
            _add(tar, folder / path, path)


def _walk(folder: Path, below: str, skip: Callable[[str], bool]) -> Iterator[str]:
    for name in sorted(entry.name for entry in (folder / below).iterdir()):
        path = f"{below}/{name}" if below else name
        if skip(path):
            continue
        yield path
        if (folder / path).is_dir() and not (folder / path).is_symlink():
            yield from _walk(folder, path, skip)


def _add(tar: tarfile.TarFile, file: Path, path: str) -> None:
    member = tarfile.TarInfo(path)
    if file.is_symlink():
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, str(file.readlink()), 0o777
        if not link_stays_inside(path, member.linkname):
            refuse(f"The link {path!r} points to {member.linkname!r}, outside of what is archived.")
        tar.addfile(member)
    elif file.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(member)
    elif file.is_file():
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as content:
            facts = os.fstat(content.fileno())
            member.size, member.mode = facts.st_size, 0o755 if facts.st_mode & 0o111 else 0o644
            tar.addfile(member, content)
    else:
        refuse(f"{path!r} is a device, socket or pipe.")
