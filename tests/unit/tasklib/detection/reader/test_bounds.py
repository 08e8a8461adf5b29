"""Values that grow are given up."""

from typing import Any

import pytest

from dz.tasklib.detection.reader.bounds import MAX_SIZE, bounded, grows, known, light
from dz.tasklib.detection.reader.values import UNKNOWN, Native, UrlDatabase


def doubled(times: int) -> list[Any]:
    value: list[Any] = [1]
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize("part", [UNKNOWN, Native("os"), UrlDatabase(None)])
def test_a_value_with_one_unknown_part_is_not_known(part: object) -> None:
    assert known({"a": [1, ("b", {"c"})]})
    assert not known({"a": [1, (part,)]})


def test_a_list_that_holds_itself_over_and_over_is_not_light() -> None:
    assert light(doubled(5))
    assert not light(doubled(60))
    assert not known(doubled(60))


@pytest.mark.parametrize("value", ["x" * (MAX_SIZE + 1), [0] * (MAX_SIZE + 1), 2**65, doubled(60)])
def test_a_large_value_becomes_unknown(value: object) -> None:
    assert bounded(value) is UNKNOWN


def test_a_small_value_stays() -> None:
    assert bounded(["a", 1]) == ["a", 1]


def test_texts_that_multiply_each_other_grow() -> None:
    assert not grows("a,b", ["x"])
    assert grows("x" * 5_000, ["y" * 5_000])
