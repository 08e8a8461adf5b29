"""Programs of the system that another one keeps from their work for a moment."""

from pathlib import Path

import pytest

from dz.adapters import system_programs


def _program(folder: Path, failures: int, says: str) -> list[str]:
    """A program that fails so often with these words, then works; it counts its runs in a file."""
    script = folder / "program"
    script.write_text(
        f"#!/bin/sh\necho run >> {folder}/runs\n[ $(wc -l < {folder}/runs) -gt {failures} ] && exit 0\n"
        f'echo "{says}" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    return [str(script)]


def _runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


@pytest.mark.parametrize(
    "says",
    [
        "useradd: cannot lock /etc/passwd; try again later.",
        "usermod: cannot lock /etc/shadow; try again later.",
        "groupadd: existing lock file /etc/group.lock with PID 17",
        "setfacl: Resource temporarily unavailable",
    ],
)
def test_what_is_locked_out_is_tried_again(tmp_path: Path, says: str) -> None:
    assert system_programs.run(_program(tmp_path, 2, says)).ok
    assert _runs(tmp_path) == 3


def test_what_is_locked_out_for_good_says_so_in_the_end(tmp_path: Path) -> None:
    done = system_programs.run(_program(tmp_path, 99, "useradd: cannot lock /etc/passwd; try again later."), patience=1)
    assert not done.ok
    assert "cannot lock" in done.output
    assert 1 < _runs(tmp_path) < 9


def test_any_other_failure_is_final(tmp_path: Path) -> None:
    done = system_programs.run(_program(tmp_path, 99, "useradd: invalid user name"))
    assert not done.ok
    assert _runs(tmp_path) == 1
