"""The one tar format of layers: GNU headers of files, folders and links; anything else is refused.

Source: the section "Basic Tar Format" of GNU tar's manual.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple, NoReturn, Protocol

from dz.errors import BundleRefused

FILE, FOLDER, LINK = b"0", b"5", b"2"
CHUNK = 256 * 1024
DEEPEST = 255
"""How many folders may be above a member; each is open while the member is read or written."""

_LONG_NAME, _LONG_LINK = b"L", b"K"
_LONGEST_NAME = 8192
_BLOCK = 512
_MAGIC = b"ustar  \0"
_LARGEST = 8**11 - 1
# Name, mode, uid, gid, size, mtime, checksum, type, link, magic; owners and devices; prefix.
_HEADER = struct.Struct("100s8s8s8s12s12s8s1s100s8s80x155s12x")
_NOBODY, _LONG_AGO, _NO_SUM, _NO_PREFIX = b"0000000\0", b"00000000000\0", b" " * 8, bytes(155)
_REMEDY = "Build the version again; if it happens again, the archive was not made by this platform: do not use it."


class Member(NamedTuple):
    """A file, folder or link; a file's content follows its header."""

    kind: bytes
    name: bytes
    link: bytes = b""
    size: int = 0
    executable: bool = False


class Source(Protocol):
    """Anything to read from; empty bytes mean its end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        ...


def refuse(found: str) -> NoReturn:
    """Raise BundleRefused."""
    raise BundleRefused(found, _REMEDY)


def header(member: Member) -> bytes:
    """Return the headers that precede a member's content.

    Raises:
        BundleRefused: a file of 8 GiB or more.
    """
    kind, name, link, size, executable = member
    if size > _LARGEST:
        refuse(f"{text(name)!r} has {size} bytes; {_LARGEST} are possible.")
    if kind == FOLDER:
        name += b"/"
    mode = b"0000777" if kind == LINK else b"0000755" if executable or kind == FOLDER else b"0000644"
    long_link = _long(_LONG_LINK, link) if len(link) > 100 else b""
    long_name = _long(_LONG_NAME, name) if len(name) > 100 else b""
    return long_link + long_name + _block(kind, name, mode, size, link)


def padding(size: int) -> bytes:
    """Return the zeros that pad content of `size` bytes to whole blocks."""
    return bytes(-size % _BLOCK)


def end(written: int) -> bytes:
    """Return the zeros that end an archive of `written` bytes."""
    return bytes(2 * _BLOCK + -(written + 2 * _BLOCK) % (20 * _BLOCK))


def text(name: bytes) -> str:
    """Return a name for a message."""
    return name.decode("utf-8", "backslashreplace")


def _long(kind: bytes, name: bytes) -> bytes:
    size = len(name) + 1
    return _block(kind, b"././@LongLink", b"0000000", size, b"") + name + b"\0" + padding(size)


def _block(kind: bytes, name: bytes, mode: bytes, size: int, link: bytes) -> bytes:
    block = _HEADER.pack(
        name[:100], mode, _NOBODY, _NOBODY, b"%011o" % size, _LONG_AGO, _NO_SUM, kind, link[:100], _MAGIC, b""
    )
    return b"%b%06o\0 %b" % (block[:148], sum(block), block[156:])


class Reader:
    """Reads an archive member by member; the caller reads a file's content before the next member.

    Args:
        source: the uncompressed archive.
        max_bytes: how many bytes it may hold.

    Raises:
        BundleRefused: it holds more, is cut off, or holds something that `header` does not write.
    """

    def __init__(self, source: Source, max_bytes: int) -> None:
        self._source, self._limit, self._left = source, max_bytes, max_bytes
        self._buffer, self._at = b"", 0

    def __iter__(self) -> Iterator[Member]:
        """Yield the members in their order."""
        longs: dict[bytes, bytes] = {}
        while any(block := self._take(_BLOCK)):
            name, mode, size, kind, link = _parsed(block)
            if kind in (_LONG_NAME, _LONG_LINK):
                if kind in longs or not 1 < size <= _LONGEST_NAME:
                    refuse("The archive holds a long name of impossible size, or one after another.")
                longs[kind] = _unpadded(b"".join(self.content(size)))
                continue
            name, link = longs.get(_LONG_NAME, name), longs.get(_LONG_LINK, link)
            longs.clear()
            if kind not in (FILE, FOLDER, LINK):
                refuse(f"The archive holds {text(name)!r}, which is not a file, folder or link.")
            if kind != FILE and size:
                refuse(f"The archive holds {text(name)!r} with an impossible size.")
            yield Member(kind, name.removesuffix(b"/") if kind == FOLDER else name, link, size, bool(mode & 0o111))
        if longs or any(data.strip(b"\0") for data in self._rest()):
            refuse("The archive goes on after its end, or ends after a long name.")

    def content(self, size: int) -> Iterator[bytes]:
        """Yield the content of a file of `size` bytes."""
        while size > CHUNK:
            yield self._take(CHUNK)
            size -= CHUNK
        yield self._take(size + -size % _BLOCK)[:size]

    def _take(self, size: int) -> bytes:
        stop = self._at + size
        if stop > len(self._buffer):
            self._fill(size)
            stop = size
        data = self._buffer[self._at : stop]
        self._at = stop
        return data

    def _fill(self, size: int) -> None:
        parts = [self._buffer[self._at :]]
        missing = size - len(parts[0])
        while missing > 0:
            data = self._read()
            if not data:
                refuse("The archive is cut off.")
            parts.append(data)
            missing -= len(data)
        self._buffer, self._at = b"".join(parts), 0

    def _rest(self) -> Iterator[bytes]:
        yield self._buffer[self._at :]
        yield from iter(self._read, b"")

    def _read(self) -> bytes:
        data = self._source.read(CHUNK)
        self._left -= len(data)
        if self._left < 0:
            refuse(f"The archive holds more than {self._limit} bytes.")
        return data


def _parsed(block: bytes) -> tuple[bytes, int, int, bytes, bytes]:
    name, mode, _, _, size, _, checksum, kind, link, magic, prefix = _HEADER.unpack(block)
    total = sum(block) - sum(checksum) + sum(_NO_SUM)
    if magic != _MAGIC or prefix != _NO_PREFIX or checksum != b"%06o\0 " % total:
        refuse(f"The archive holds a header that this platform does not write, at {text(name)!r}.")
    return _unpadded(name), _number(mode), _number(size), kind, _unpadded(link)


def _number(field: bytes) -> int:
    digits = field[:-1]
    if field[-1:] != b"\0" or digits.strip(b"01234567"):
        refuse(f"The archive holds {field!r} instead of a number.")
    return int(digits, 8)


def _unpadded(field: bytes) -> bytes:
    found = field.rstrip(b"\0")
    if b"\0" in found:
        refuse(f"The archive holds the name {text(found)!r}.")
    return found
