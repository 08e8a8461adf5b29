"""What of a guess zoomdb can hold."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.guesses.rows import guesses_of, storable

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(_VALUES)
@example({"a\0": ("\ud800", 1.5)})
@example([float("nan"), float("inf")])
def test_whatever_is_guessed_becomes_json_of_characters_that_postgresql_takes(value: Any) -> None:
    text = json.dumps(storable(value), ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text
    text.encode("utf-8")


def test_plain_values_are_stored_as_they_are() -> None:
    value = {"name": "TOKEN", "required": True, "default": None, "files": ["a.txt", "ä"], "line": 3}
    assert storable(value) == value
    assert storable(("a", "b")) == ["a", "b"]


def test_the_primary_guess_of_each_field_comes_first() -> None:
    others = [Guess("wsgi", "b", "x", is_primary=False), Guess("asgi", "c", "x", is_primary=False)]
    primary = [Guess("wsgi", "a", "x"), Guess("asgi", "d", "x")]
    found = guesses_of(Inspection(is_django=True, guesses=(*others, *primary)))
    assert [(one.field, one.value) for one in found] == [("asgi", "d"), ("asgi", "c"), ("wsgi", "a"), ("wsgi", "b")]
