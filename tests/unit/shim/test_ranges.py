"""The header Range, as RFC 9110 (section 14.1) defines it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.shim.dz_ranges import wanted


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-1", [(0, 1)]),
        ("bytes=500-", [(500, 999)]),
        ("bytes=-200", [(800, 999)]),
        ("bytes=-5000", [(0, 999)]),
        ("bytes=990-5000", [(990, 999)]),
        ("Bytes = 0-0 , -1", [(0, 0), (999, 999)]),
        ("bytes=0-1,2000-", [(0, 1)]),
        ("bytes=1000-", []),
        ("bytes=-0", []),
    ],
)
def test_ranges_that_are_understood(header: str, found: list[tuple[int, int]]) -> None:
    assert wanted(header, 1000) == found


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "lines=0-1",
        "bytes=0-1;2-3",
        "bytes=0-999,0-999",
        "bytes=٠-١",
        "bytes=" + ",".join(["0-0"] * 17),
    ],
)
def test_a_header_that_is_not_understood_or_asks_for_too_much_is_ignored(header: str | None) -> None:
    assert wanted(header, 1000) is None


@given(st.text(max_size=40) | st.from_regex(r"bytes=[0-9, -]{0,30}", fullmatch=True), st.integers(0, 10**12))
def test_no_range_leaves_the_file(header: str, size: int) -> None:
    found = wanted(header, size) or []
    assert all(0 <= first <= last < size for first, last in found)
    assert sum(last - first + 1 for first, last in found) <= size
