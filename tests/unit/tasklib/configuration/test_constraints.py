"""Constraints of Poetry mean what they mean to Poetry, in the words of PEP 440."""

import time

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dz.tasklib.configuration.constraints import python_ranges, specifier, touches


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("^4.2", ">=4.2,<5"),
        ("^ 4", ">=4,<5"),
        ("^0.3.1", ">=0.3.1,<0.4"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^1.2rc1", ">=1.2rc1,<2"),
        ("~4", ">=4,<5"),
        ("~4.2.1", ">=4.2.1,<4.3"),
        ("~=4.2", "~=4.2"),
        (">= 3.0", ">=3.0"),
        ("4.2.*", "==4.2.*"),
        ("4.2", "==4.2"),
        ("*", ""),
    ],
)
def test_a_part_is_written_as_pep_440_writes_it(part: str, wanted: str) -> None:
    assert specifier(part) == wanted


@pytest.mark.parametrize("part", ["latest", "^latest", "~latest", "^1.*"])
def test_what_is_no_constraint_stays_none(part: str) -> None:
    with pytest.raises(InvalidSpecifier):
        SpecifierSet(specifier(part))


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        ("^3.10", "3.12.4", "4.0.0"),
        ("~3.10", "3.10.9", "3.11.0"),
        ("~3.10.2", "3.10.2", "3.10.1"),
        ("^3.9.*", "3.11.2", "3.8.1"),
        ("3.11", "3.11.9", "3.12.0"),
        ("3", "3.13.0", "2.7.18"),
        (">=3.9, <3.12", "3.11.2", "3.12.0"),
        ("~2.7 || ^3.6", "2.7.18", "3.5.0"),
    ],
)
def test_a_python_is_inside_any_of_the_ranges_or_outside_all(constraint: str, inside: str, outside: str) -> None:
    ranges = python_ranges(constraint)
    assert any(one.contains(inside) for one in ranges)
    assert not any(one.contains(outside) for one in ranges)


@pytest.mark.parametrize("text", ["latest", "^latest", "*", "3.9 or newer"])
def test_what_is_no_constraint_of_python_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpecifier):
        python_ranges(text)


def test_a_part_that_was_made_to_be_slow_costs_nothing() -> None:
    began = time.process_time()
    with pytest.raises(InvalidSpecifier):
        SpecifierSet(specifier("^0" + ".0" * 100_000 + ".1"))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("allowed", "wanted"),
    [("", True), (">=5.2.3,<6", True), ("==5.2.19", True), ("!=5.2.*", False), (">5.2.39", False)],
)
def test_a_release_is_allowed_if_any_of_its_bug_fixes_is(allowed, wanted):
    assert touches(SpecifierSet(allowed), "5.2") is wanted
