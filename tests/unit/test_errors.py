"""Errors cross servers as rows and come back as themselves."""

import pytest

from dz import errors
from dz.errors import DzError, FailureRecord, HostTaken, ServiceUnavailable, Unexpected


def _all(base: type[DzError]) -> list[type[DzError]]:
    return [found for child in base.__subclasses__() for found in (child, *_all(child))]


@pytest.mark.parametrize("kind", _all(DzError), ids=lambda kind: kind.__name__)
def test_an_error_comes_back_as_the_same_class_and_text(kind: type[DzError]) -> None:
    back = errors.from_record(kind("found", "do this").record())
    assert type(back) is kind
    assert (back.found, back.remedy) == ("found", "do this")


def test_an_error_says_what_was_found_who_acts_and_what_to_do() -> None:
    assert str(HostTaken("www.example.org is taken.", "Choose another.")) == (
        "www.example.org is taken.\n  What to do (project owner): Choose another."
    )


def test_a_code_of_another_release_is_still_an_error() -> None:
    assert type(errors.from_record(FailureRecord("NoSuchCode", "found", "do"))) is Unexpected


def test_only_what_may_pass_is_retried() -> None:
    assert ServiceUnavailable("a", "b").transient
    assert not HostTaken("a", "b").transient
