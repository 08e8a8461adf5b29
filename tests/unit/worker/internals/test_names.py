"""A name that has gone, or has changed its shape, is reported in words."""

import pytest

from dz.worker.internals.names import Name, missing


def test_names_that_are_there_are_not_reported() -> None:
    assert missing([Name("pathlib:Path.read_text", takes=("encoding",), mentions=("open", "read"))]) == []


@pytest.mark.parametrize(
    ("name", "lack"),
    [
        (Name("no_such_module:anything"), "no_such_module:anything"),
        (Name("pathlib:Path.no_such_method"), "pathlib:Path.no_such_method"),
        (Name("pathlib:Path.read_text", takes=("speed",)), "the parameter speed of pathlib:Path.read_text"),
        (Name("pathlib:Path.read_text", mentions=("replaced",)), "replaced in pathlib:Path.read_text"),
        (Name("math:pi", mentions=("anything",)), "anything in math:pi"),
    ],
)
def test_what_is_missing_is_named(name: Name, lack: str) -> None:
    assert missing([name]) == [lack]


def test_code_within_code_is_looked_at() -> None:
    def outer() -> object:
        return lambda found: found.searched_for

    globals()["outer"] = outer
    assert missing([Name(f"{__name__}:outer", mentions=("searched_for",))]) == []
