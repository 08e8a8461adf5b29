"""A container is given only what nobody but root can put in its place."""

import os
from pathlib import Path

import pytest

from dz.adapters.walls.containers import sources
from dz.adapters.walls.containers.sources import UnsafeSource

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "roots" / "inner").mkdir(parents=True)
    (tmp_path / "theirs" / "inner").mkdir(parents=True)
    os.chown(tmp_path / "theirs", 65534, 65534)
    return tmp_path


def test_what_lies_below_a_folder_of_another_user_is_refused(place: Path) -> None:
    with pytest.raises(UnsafeSource, match=r"theirs/inner cannot be given to a container"):
        sources.mounts([place / "theirs" / "inner"], [])
    assert sources.mounts([place / "theirs"], []) == [(place / "theirs", place / "theirs", True)]


@pytest.mark.parametrize(("mode", "safe"), [(0o755, True), (0o757, False), (0o1777, True), (0o777, False)])
def test_what_others_may_rename_is_refused(place: Path, mode: int, safe: object) -> None:
    (place / "roots").chmod(mode)
    if safe:
        assert sources.mounts([place / "roots" / "inner"], [])
        return
    with pytest.raises(UnsafeSource):
        sources.mounts([place / "roots" / "inner"], [])


def test_links_of_root_are_followed_and_those_of_others_are_not(place: Path) -> None:
    link = place / "link"
    link.symlink_to("roots/../roots/inner")
    assert sources.mounts([link], []) == [(place / "roots" / "inner", link, True)]
    (place / "theirs" / "link").symlink_to("/root")
    (place / "way").symlink_to(place / "theirs" / "link")
    with pytest.raises(UnsafeSource):
        sources.mounts([place / "way"], [])
    (place / "round").symlink_to("round")
    assert sources.mounts([place / "round", place / "missing"], []) == []


def test_what_lies_below_a_writable_folder_is_mounted_with_it(place: Path) -> None:
    theirs, roots = place / "theirs", place / "roots"
    found = sources.mounts([theirs / "inner", roots, theirs], [theirs / "inner", theirs])
    assert found == [(roots, roots, True), (theirs, theirs, False)]
