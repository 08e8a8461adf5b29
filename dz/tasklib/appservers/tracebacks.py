"""Finds in a site's log why it does not work: the last exception, and the line of the project that led to it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWN_LINES = 30
"""Lines of a traceback that people are shown: its end, where the project's own lines usually are."""
_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+)')
_ERROR = re.compile(r"(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_START_UP = re.compile(r"\[[^]]+\] \[\d+\] \[(INFO|DEBUG)\] ")


@dataclass(frozen=True)
class Crash:
    """An exception as a log shows it.

    Args:
        kind: the name of its class.
        place: file and line of the project that are nearest to it; empty if none of its lines is in the traceback.
        text: the traceback.
    """

    kind: str
    message: str
    place: str
    text: str

    @property
    def headline(self) -> str:
        """The exception in one sentence, the project's file and line first."""
        what = f"{self.kind}: {self.message}".rstrip(": ")
        return f"{self.place}: {what}." if self.place else f"{what}."


def last(log: str, sources: Sequence[Path]) -> Crash | None:
    """Return the last exception of a log, or None if there is none.

    Args:
        sources: folders in which the project's code lies.
    """
    lines = log.splitlines()
    begins = [number for number, line in enumerate(lines) if line.endswith(_BEGIN)]
    for begin in reversed(begins):
        end = _end(lines, begin)
        error = _ERROR.match(lines[end]) if end < len(lines) else None
        if error is None:
            continue
        chain = _chain(lines, begins, begin)
        # The exception that was raised last may come from a library; the one that it came from shows the project's line.
        place = _place(lines[begin:end], sources) or _place(lines[chain:end], sources)
        shown = (
            ["...", *lines[end + 2 - SHOWN_LINES : end + 1]] if end - chain >= SHOWN_LINES else lines[chain : end + 1]
        )
        return Crash(error["kind"].rpartition(".")[2], (error["message"] or "")[:500], place, "\n".join(shown))
    return None


def without_start_up(lines: Sequence[str]) -> list[str]:
    """Leave out what gunicorn says of itself while nothing is wrong."""
    return [line for line in lines if not _START_UP.match(line)]


def _end(lines: Sequence[str], begin: int) -> int:
    """Return the number of the line that names the exception."""
    return next((n for n in range(begin + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))


def _chain(lines: Sequence[str], begins: Sequence[int], begin: int) -> int:
    """Return where the traceback of the exception begins from which this one came."""
    before = [number for number in begins if number < begin]
    if before and any(line.startswith(_CHAINED) for line in lines[max(0, begin - 3) : begin]):
        return _chain(lines, before, before[-1])
    return begin


def _place(lines: Sequence[str], sources: Sequence[Path]) -> str:
    for line in reversed(lines):
        frame = _FRAME.match(line)
        if frame and "site-packages" not in frame["file"]:
            for source in sources:
                if frame["file"].startswith(f"{source}/"):
                    return f"{frame['file'].removeprefix(f'{source}/')}:{frame['line']}"
    return ""
