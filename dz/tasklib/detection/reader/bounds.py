"""How large a value may grow before the reader stops following it."""

from collections.abc import Iterator
from typing import Any

from dz.tasklib.detection.reader.values import UNKNOWN, Native, Unknown, UrlDatabase

MAX_SIZE = 20_000
"""Items or characters of one value."""
MAX_WEIGHT = 20_000
"""Parts of one value, counting everything inside it."""
MAX_GROWN = 4_000_000
"""Characters that one call may produce."""
_HEAVY = Unknown()


def known(value: Any) -> bool:
    """Say whether a value, and every part of it, is known."""
    return all(not isinstance(part, Unknown | Native | UrlDatabase) for part in _parts(value))


def light(value: Any) -> bool:
    """Say whether a value is small when written out: a list of lists that are all the same one is short, yet endless."""
    return all(part is not _HEAVY for part in _parts(value))


def bounded(value: Any) -> Any:
    """Return the value, or UNKNOWN if it has grown too large to be worth following."""
    if isinstance(value, str | bytes | list | tuple | dict | set) and (len(value) > MAX_SIZE or not light(value)):
        return UNKNOWN
    return UNKNOWN if isinstance(value, int) and abs(value) > 2**64 else value


def grows(text: str, given: Any) -> bool:
    """Say whether the result may be very long when values are put into a text, or the text between values."""
    lengths = [len(part) for part in _parts(given) if isinstance(part, str | list | tuple)]
    return (len(text) + 1 + max(lengths, default=0)) * max([len(text), *lengths]) > MAX_GROWN


def _parts(value: Any) -> Iterator[Any]:
    """Yield a value and everything in it, and _HEAVY once that is too much; a long text counts as several parts."""
    waiting, weight = [value], 0
    while waiting:
        part = waiting.pop()
        yield part
        weight += 1 + (len(part) // 10 if isinstance(part, str | bytes) else 0)
        if weight > MAX_WEIGHT:
            yield _HEAVY
            return
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set):
            waiting += part
