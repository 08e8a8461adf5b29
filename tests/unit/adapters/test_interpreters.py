import os
import sys
import tempfile
from pathlib import Path

import pytest

from dz.adapters import interpreters


def program(path: Path, version: str, *, mode: int = 0o755) -> Path:
    """A program that says of itself that it is a Python of this version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def place():
    """A folder that every user can enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="dzpy", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_interpreters_of_this_server_run():
    found = interpreters.available()
    assert found
    assert found == sorted(found, reverse=True)
    assert len({one.minor for one in found}) == len(found)
    assert any(one.minor == f"{sys.version_info[0]}.{sys.version_info[1]}" for one in found)


def test_of_each_minor_version_the_first_counts_and_the_newest_comes_first(place):
    configured = [
        program(place / "a", "3.9.20"),
        program(place / "b", "3.12.1"),
        program(place / "c", "3.12.7"),
        program(place / "d", "3.10.4"),
    ]
    found = interpreters.available(configured)
    assert [(one.full, one.path) for one in found] == [
        ("3.12.1", configured[1]),
        ("3.10.4", configured[3]),
        ("3.9.20", configured[0]),
    ]
    assert [one.minor for one in found] == ["3.12", "3.10", "3.9"]


def test_what_does_not_run_or_says_something_else_is_no_interpreter(place):
    broken = program(place / "broken", "3.12.1")
    broken.write_text("#!/no/such/interpreter\n")
    configured = [broken, place / "missing", program(place / "other", "Python 3.12"), program(place / "empty", "")]
    assert interpreters.available(configured) == []


def test_an_interpreter_that_was_replaced_is_asked_again(place):
    one = program(place / "a", "3.11.1")
    assert interpreters.available([one])[0].full == "3.11.1"
    program(one, "3.11.9")
    os.utime(one, (1, 1))
    assert interpreters.available([one])[0].full == "3.11.9"


def test_a_program_below_a_closed_folder_is_not_for_every_user(place):
    one = program(place / "closed" / "bin" / "python3.12", "3.12.1")
    assert interpreters.everyone_can_run(one)
    link = place / "python3.12"
    link.symlink_to(one)
    (place / "closed").chmod(0o700)
    assert not interpreters.everyone_can_run(one)
    assert not interpreters.everyone_can_run(link)
    assert not interpreters.everyone_can_run(place / "missing")
    assert interpreters.available([one]) == ([] if os.geteuid() == 0 else interpreters.available([link]))
