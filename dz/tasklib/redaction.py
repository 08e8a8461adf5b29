"""Keeps the values of variables out of texts that people, the job's log and Prefect see."""

import contextlib
from collections.abc import Iterable, Iterator

from dz.errors import DzError

SHORTEST = 6
"""Characters; shorter values are words of every text, and no secrets."""
HIDDEN = "[hidden]"


def hide(text: str, values: Iterable[str]) -> str:
    """Return `text` without the given values."""
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST:
            text = text.replace(value, HIDDEN)
    return text


@contextlib.contextmanager
def redacted(values: Iterable[str]) -> Iterator[None]:
    """Raise an error of the block without the given values: projects print what they were given."""
    known = list(values)
    try:
        yield
    except DzError as error:
        found = hide(error.found, known)
        if found == error.found:
            raise
        raise type(error)(found, error.remedy) from None
