"""Which interpreter a plan gets."""

import dataclasses
from pathlib import Path

import pytest

from dz.adapters.interpreters import Interpreter
from dz.errors import NoMatchingPython
from dz.tasklib.virtualenvs.interpreters import choose_interpreter
from tests.manifests import PLAN

HAVE = [Interpreter((3, minor, 2), Path(f"/usr/bin/python3.{minor}")) for minor in (13, 11, 9)]


def choose(version, basis="preference", available=HAVE):
    plan = dataclasses.replace(PLAN, python_version=version, python_version_basis=basis)
    interpreter, warnings = choose_interpreter(plan, available)
    return interpreter.minor, len(warnings)


@pytest.mark.parametrize(
    ("version", "basis", "wanted"),
    [
        (None, "", ("3.13", 0)),
        (">=3.8", "requires-python", ("3.13", 0)),
        (">=3.8,<3.12", "requires-python", ("3.11", 0)),
        ("python-3.11.9", "preference", ("3.11", 0)),
        ("3.12.1", "preference", ("3.13", 1)),
        ("3.10", "preference", ("3.11", 1)),
        ("2.7.18", "preference", ("3.9", 1)),
        ("pypy", "preference", ("3.13", 1)),
    ],
)
def test_the_interpreter_fits_or_is_the_nearest(version, basis, wanted):
    assert choose(version, basis) == wanted


def test_requires_python_is_strict_and_says_what_is_there():
    with pytest.raises(NoMatchingPython, match=r"<3\.9; this build server has 3\.13\.2, 3\.11\.2, 3\.9\.2"):
        choose("<3.9", "requires-python")


def test_a_server_without_python_is_a_clear_error():
    with pytest.raises(NoMatchingPython):
        choose(None, "", [])


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (">=3.11", "3.12.4"),
        ("^3.10", "3.12.4"),
        ("~3.11", "3.11.2"),
        ("^3.9,<3.12", "3.11.2"),
        ("3.11", "3.11.2"),
        ("3.11.*", "3.11.2"),
        ("~2.7 || ^3.6", "3.12.4"),
        ("~=3.11", "3.12.4"),
        ("3", "3.12.4"),
        ("~3.9", None),
        ("^4.0", None),
    ],
)
def test_constraints_of_pep_440_and_of_poetry_choose_the_newest_python_that_fits(
    constraint: str, expected: str | None
) -> None:
    pythons = [Interpreter((3, 12, 4), Path("/p12")), Interpreter((3, 11, 2), Path("/p11"))]
    plan = dataclasses.replace(PLAN, python_version=constraint, python_version_basis="requires-python")
    if expected is None:
        with pytest.raises(NoMatchingPython):
            choose_interpreter(plan, pythons)
    else:
        assert choose_interpreter(plan, pythons)[0].full == expected
