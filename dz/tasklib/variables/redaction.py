"""Keeps the values of variables out of texts that people, the job's log and Prefect see."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from dz.errors import DzError

SHORTEST = 6
"""Characters; shorter values are words of every text, and no secrets."""
HIDDEN = "[hidden]"


def hide(text: str, values: Iterable[str]) -> str:
    """Return `text` without the given values, their lines, what `repr` makes of them, and a beginning of one at its end."""
    forms = {form for value in values for form in (value, repr(value)[1:-1], *value.splitlines())}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST:
            text = text.replace(form, HIDDEN)
    # Long messages are cut, and a value may lie across the cut.
    cut = max((_overlap(text, form) for form in forms), default=0)
    return f"{text[:-cut]}{HIDDEN}" if cut else text


def hide_in(value: Any, values: Collection[str]) -> Any:
    """Return a JSON value without the given values in its texts; to be called before these are cut or joined."""
    if isinstance(value, str):
        return hide(value, values)
    if isinstance(value, list):
        return [hide_in(one, values) for one in value]
    if isinstance(value, dict):
        return {key: hide_in(one, values) for key, one in value.items()}
    return value


def _overlap(text: str, form: str) -> int:
    """Return how many characters at the end of a text are the beginning of a value, if they tell anything."""
    longest = min(len(text), len(form) - 1)
    return next((size for size in range(longest, SHORTEST - 1, -1) if text.endswith(form[:size])), 0)


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
