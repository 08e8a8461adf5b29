"""Values that a person types, pipes or has in a file: taken whole, byte for byte, or refused.

Of the end of a file or pipe one newline is left out, since editors and `echo` put it there; nothing else changes.
"""

import codecs
import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from dz import names
from dz.errors import InvalidName, MissingEnvironment

LIMIT = names.VALUE_BYTES + 2
"""Bytes that are read of one value: one that has more, its last newline apart, is refused anyway."""
_PAUSE = 0.15
"""Seconds without a further byte after which an Enter ends a value: the lines of a paste follow each other faster."""
_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
_BACKSPACE, _KILL_LINE, _END = (b"\x7f", b"\x08"), b"\x15", b"\x04"


def hidden(wanted: Sequence[str]) -> dict[str, str]:
    """Return the values of variables: typed or pasted without echo at a terminal, else read from stdin.

    What comes by a pipe is the value of one variable, however many lines it has; of several variables, a line for each.

    Raises:
        InvalidName: no process could hold a value, or it is not text.
        MissingEnvironment: there is no value for one of them, or it cannot be told where a value ends.
    """
    if sys.stdin.isatty():
        return {name: prompted(name, hide=True) for name in wanted}
    if len(wanted) == 1:
        return {wanted[0]: checked(wanted[0], _piped(LIMIT + 1, wanted))}
    data = _without_last_newline(_piped(LIMIT * len(wanted) + 1, wanted)) if wanted else b""
    lines = data.split(b"\n") if wanted else []
    if len(lines) != len(wanted):
        raise MissingEnvironment(
            f"There are {len(lines)} lines on stdin for {len(wanted)} variables: {', '.join(wanted)}. Nothing was stored.",
            "Give a line for each, or those of several lines one at a time: `--ask NAME < FILE`, or `--file NAME=FILE`.",
        )
    return {name: checked(name, line.removesuffix(b"\r")) for name, line in zip(wanted, lines, strict=True)}


def of_file(name: str, path: Path) -> str:
    """Return the content of a file as the value of a variable; raises InvalidName if it cannot be one."""
    try:
        with path.expanduser().open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except OSError as error:
        raise InvalidName(
            f"The value of {name} cannot be read from {path}: {error.strerror}.",
            "Give the path of a file that you can read.",
        ) from error
    return checked(name, data)


def prompted(name: str, *, hide: bool = False, why: str = "") -> str:
    """Return a value that a person types or pastes at the terminal; pasted lines belong to it.

    Args:
        hide: it is not shown.
        why: what wants it, for the question.
    """
    data = b""
    while not data:
        sys.stderr.write(f"Value of {name}{f' ({why})' if why else ''}: ")
        sys.stderr.flush()
        with _keys(sys.stdin.fileno()) as terminal:
            data = _typed(terminal, echo=not hide)
        sys.stderr.write("\n")
    return checked(name, data)


def checked(name: str, data: bytes) -> str:
    """Return bytes, without one newline at their end, as the text of a variable; raises InvalidName."""
    try:
        text = _without_last_newline(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidName(
            f"The value of {name} is not text in UTF-8 (byte {error.start}).",
            "Encode it first, for example by `base64`.",
        ) from error
    return names.variable_value(name, text)


def _piped(limit: int, wanted: Sequence[str]) -> bytes:
    data = sys.stdin.buffer.read(limit)
    if not data:
        raise MissingEnvironment(
            f"There is no value for {', '.join(wanted)} on stdin.",
            "Give it there: `--ask NAME < FILE`, or `--file NAME=FILE`.",
        )
    return data


def _without_last_newline(data: bytes) -> bytes:
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\r\n") else data.removesuffix(b"\n")


@contextlib.contextmanager
def _keys(terminal: int) -> Iterator[int]:
    """Have a terminal give every key at once, and mark what is pasted; a line of its own would end at 4,095 bytes."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        os.write(sys.stderr.fileno(), b"\x1b[?2004h")
        yield terminal
    finally:
        os.write(sys.stderr.fileno(), b"\x1b[?2004l")
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _typed(terminal: int, *, echo: bool) -> bytes:
    """Return what is typed up to Enter or Ctrl-D, with all lines of what is pasted; nothing at all is typer.Abort."""
    value, pasting, keys = b"", False, b""
    while len(value) <= LIMIT:
        keys += os.read(terminal, 65536) or _END
        while keys:
            mark = _PASTE_ENDS if pasting else _PASTE_BEGINS
            if keys.startswith(mark):
                keys, pasting = keys[len(mark) :], not pasting
                continue
            if mark.startswith(keys[:6]) and _more(terminal):
                break  # the rest of a mark is on its way
            size = max(1, keys.find(b"\x1b", 1)) if pasting else 1
            key, keys = keys[:size], keys[size:]
            if not pasting and key == _END:
                if not value:
                    raise typer.Abort
                return value
            if not pasting and key == b"\n" and not keys and not _more(terminal):
                return value
            value = value + key if pasting else _edited(value, key)
            if echo:
                os.write(sys.stderr.fileno(), b"\b \b" if key in _BACKSPACE else key)
    termios.tcflush(terminal, termios.TCIFLUSH)
    return value


def _edited(value: bytes, key: bytes) -> bytes:
    if key in _BACKSPACE:
        return _shorter(value)
    return b"" if key == _KILL_LINE else value + key


def _shorter(value: bytes) -> bytes:
    """Return a text in UTF-8 without its last character."""
    text = codecs.decode(value, "utf-8", "surrogateescape")
    return codecs.encode(text[:-1], "utf-8", "surrogateescape")


def _more(terminal: int) -> bool:
    return bool(select.select([terminal], [], [], _PAUSE)[0])
