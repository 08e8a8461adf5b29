"""Keeps the values of variables out of texts that people, the job's log and Prefect see."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from dz.errors import DzError

SHORTEST = 6
"""Characters; shorter values are ordinary words that occur in any text, and no secrets."""
HIDDEN = "[hidden]"


def hide(text: str, values: Iterable[str]) -> str:
    """Return `text` with the given values hidden: whole, line by line, as `repr` shows them, or cut off at its end."""
    forms = {form for value in values for form in (value, repr(value)[1:-1], *value.splitlines())}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST:
            text = text.replace(form, HIDDEN)
    # Long messages are cut, and a value may lie across the cut.
    cut = max((_overlap(text, form) for form in forms), default=0)
    return f"{text[:-cut]}{HIDDEN}" if cut else text


def hide_in(value: Any, values: Collection[str]) -> Any:
    """Return a JSON value with the given values hidden in its texts; call it before these are cut or joined."""
    if isinstance(value, str):
        return hide(value, values)
    if isinstance(value, list):
        return [hide_in(one, values) for one in value]
    if isinstance(value, dict):
        return {key: hide_in(one, values) for key, one in value.items()}
    return value


def _overlap(text: str, form: str) -> int:
    """Return how many characters at the end of a text begin a value; 0 if they are too few to give anything away."""
    longest = min(len(text), len(form) - 1)
    return next((size for size in range(longest, SHORTEST - 1, -1) if text.endswith(form[:size])), 0)


@contextlib.contextmanager
def redacted(values: Iterable[str]) -> Iterator[None]:
    """Hide the given values in a DzError of the block, because projects print what they were given."""
    known = list(values)
    try:
        yield
    except DzError as error:
        found = hide(error.found, known)
        if found == error.found:
            raise
        raise type(error)(found, error.remedy) from None
