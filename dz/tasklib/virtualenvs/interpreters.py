"""Chooses the Python for a plan from those that a server has."""

import re
from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dz.adapters.interpreters import Interpreter
from dz.errors import NoMatchingPython
from dz.tasklib.configuration.constraints import python_ranges
from dz.tasklib.configuration.plan import Plan


def choose_interpreter(plan: Plan, available: Sequence[Interpreter]) -> tuple[Interpreter, list[str]]:
    """Return the interpreter for a plan and warnings for its owner.

    `requires-python` is strict. runtime.txt and .python-version are preferences: the nearest Python is taken, and of
    two that are equally near, the newer.

    Args:
        available: newest first.

    Raises:
        NoMatchingPython: the server has no Python, or none that `requires-python` allows.
    """
    if not available:
        raise NoMatchingPython(
            "This build server has no Python that every user can execute.",
            "Ask the operator to install one, for example by apt, or to name one in DZ_INTERPRETERS.",
        )
    wanted = (plan.python_version or "").strip()
    if not wanted:
        return available[0], []
    if plan.python_version_basis == "requires-python":
        return _allowed(wanted, available), []
    return _nearest(wanted, available)


def _allowed(wanted: str, available: Sequence[Interpreter]) -> Interpreter:
    try:
        allowed = python_ranges(wanted)
    except InvalidSpecifier:
        allowed = (SpecifierSet(),)
    for interpreter in available:
        if any(one.contains(interpreter.full, prereleases=True) for one in allowed):
            return interpreter
    raise NoMatchingPython(
        f"The project requires Python {wanted}; this build server has {_listed(available)}.",
        "Widen requires-python, or ask the operator to install that Python.",
    )


def _nearest(wanted: str, available: Sequence[Interpreter]) -> tuple[Interpreter, list[str]]:
    numbers = re.search(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", wanted)
    if not numbers:
        return available[0], [f"The Python version {wanted!r} is not understood; {available[0].full} was used."]
    major, minor = int(numbers[1]), int(numbers[2] or -1)

    def distance(interpreter: Interpreter) -> tuple[int, int, bool]:
        have = interpreter.version
        return abs(have[0] - major), abs(have[1] - minor) if minor >= 0 else 0, have[1] < minor

    best = min(available, key=distance)
    same = best.version[0] == major and (minor < 0 or best.version[1] == minor)
    said = f"The project prefers Python {wanted}; {best.full} was used, the nearest of {_listed(available)}."
    return best, [] if same else [said]


def _listed(available: Sequence[Interpreter]) -> str:
    return ", ".join(interpreter.full for interpreter in available)
