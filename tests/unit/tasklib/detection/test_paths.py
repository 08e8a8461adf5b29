"""Paths inside a work tree."""

import pytest

from dz.tasklib.detection import paths


def test_parents_begin_with_the_nearest() -> None:
    assert paths.parents("a/b/c.py") == ["a/b", "a"]
    assert paths.parents("c.py") == []
    assert paths.folder_of("a/b/c.py") == "a/b"
    assert paths.folder_of("c.py") == ""


def test_the_root_joins_as_nothing() -> None:
    assert paths.joined(".", "a/", "", "/b.py") == "a/b.py"
    assert paths.joined("", ".") == ""
    assert (paths.beginning(""), paths.beginning("a")) == ("", "a/")


@pytest.mark.parametrize(
    ("folder", "name", "wanted"),
    [
        ("a/b", "../c.txt", "a/c.txt"),
        ("", "./c.txt", "c.txt"),
        ("a", "../../../c.txt", "c.txt"),
        ("a", "b//c", "a/b/c"),
    ],
)
def test_a_relative_path_stays_in_the_tree(folder: str, name: str, wanted: str) -> None:
    assert paths.relative(folder, name) == wanted
