"""Chooses the Python for a plan, and has it fetched where this server lacks it.

What an installer enforces (`requires-python`, a lock file, zoombuild.cfg, Django itself) is met or refused. What a project
merely prefers (runtime.txt, Dockerfile, .python-version, CI) is met where possible; else the nearest Python is taken and
the owner is told. A project without any wish gets the server's own default, or the nearest that its Django is made for.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dz.adapters.interpreters import NEWEST, OLDEST, Interpreter, dotted
from dz.adapters.python_downloads import Pythons
from dz.errors import NoMatchingPython, PythonMissing
from dz.tasklib.configuration.constraints import python_ranges
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs import django_releases

_MINORS = range(OLDEST[1], NEWEST[1] + 1)
_RANGE = f"{dotted(OLDEST)} to {dotted(NEWEST)}"


@dataclass(frozen=True)
class Choice:
    """The Python that a project gets.

    Args:
        why: for which wish, for people.
        warnings: what the owner preferred and did not get.
    """

    interpreter: Interpreter
    why: str
    warnings: tuple[str, ...] = ()

    def told(self) -> str:
        """Return what was chosen and why, for people."""
        return f"Python {self.interpreter.full}: {self.why}"


def choose_interpreter(plan: Plan, pythons: Pythons, *, on_line: Callable[[str], None] | None = None) -> Choice:
    """Return the Python for a plan; one that is not there yet is fetched.

    Args:
        on_line: called with each line of the download's output.

    Raises:
        NoMatchingPython: sites cannot run on any Python that the project allows.
        PythonMissing: none that it allows is on this server, and none could be fetched.
    """
    return _Search(_Wish.of(plan), pythons, on_line).choice()


@dataclass(frozen=True)
class _Wish:
    """What a project asks for.

    Args:
        strict: the constraint that must be met; "" if there is none.
        strict_place, preferred_place: where it is written; "" if unknown.
        preferred: the version that it would rather have; "" if there is none.
        django: the constraint on Django.
    """

    strict: str
    strict_place: str
    preferred: str
    preferred_place: str
    django: str | None

    @classmethod
    def of(cls, plan: Plan) -> "_Wish":
        version, place = (plan.python_version or "").strip(), plan.python_version_place
        if plan.python_version_basis == "requires-python":
            other = plan.python_preference, plan.python_preference_place
            return cls(version, place, other[0] or "", other[1], plan.django_version)
        return cls("", "", version, place, plan.django_version)

    @cached_property
    def minor(self) -> int | None:
        """The x of the preferred 3.x, which is 0 for Python 2; None if any will do."""
        numbers = re.search(r"(\d+)(?:\.(\d+))?", self.preferred)
        if numbers is None or (numbers[1] == "3" and numbers[2] is None):
            return None
        return int(numbers[2]) if numbers[1] == "3" else 0 if int(numbers[1]) < OLDEST[0] else NEWEST[1]

    @cached_property
    def ranges(self) -> tuple[SpecifierSet, ...]:
        """The ranges of versions that are allowed, any of which will do."""
        try:
            return python_ranges(self.strict) if self.strict else (SpecifierSet(),)
        except InvalidSpecifier:
            return (SpecifierSet(),)

    def allows(self, version: tuple[int, int, int]) -> bool:
        """Say whether the project can run on a Python."""
        fits = any(one.contains(dotted(version), prereleases=True) for one in self.ranges)
        return fits and version[1] >= django_releases.oldest_python(self.django)

    def strictly(self) -> str:
        """Return what the project requires, for people."""
        django = f"Django {self.django} needs Python 3.{django_releases.oldest_python(self.django)} or newer"
        if not self.strict:
            return django if self.django else "the project names no Python"
        written = f"the project requires Python {self.strict}{_at(self.strict_place)}"
        return f"{written}, and {django}" if django_releases.oldest_python(self.django) > OLDEST[1] else written


class _Search:
    """Looks for the Python of a wish: the nearest first, and of one version the server's own before a download."""

    def __init__(self, wish: _Wish, pythons: Pythons, on_line: Callable[[str], None] | None) -> None:
        self.wish, self.pythons, self.on_line = wish, pythons, on_line
        self.fetched = pythons.fetched()
        self.obstacle = ""

    def choice(self) -> Choice:
        for minor in self.minors():
            found = self.one_of(minor)
            if found:
                return Choice(found, self.why(), tuple(self.warnings(found)))
        raise self.refusal()

    def minors(self) -> list[int]:
        """Return the x of every 3.x, the most fitting first."""
        wish, target = self.wish, self.wish.minor
        explicit = target is not None
        wanted = self.default() if target is None else target

        def unfit(minor: int) -> tuple[bool, int, bool]:
            strange = not explicit and not django_releases.is_made_for(wish.django, minor)
            return strange, abs(minor - wanted), minor < wanted

        return sorted(_MINORS, key=unfit)

    def default(self) -> int:
        """Return the x of the 3.x that projects get which name none."""
        numbers = re.fullmatch(r"3\.(\d+)(\.\d+)?", self.pythons.default or "")
        if numbers:
            return int(numbers[1])
        return self.pythons.own[0].version[1] if self.pythons.own else NEWEST[1]

    def one_of(self, minor: int) -> Interpreter | None:
        """Return a Python 3.`minor` that the project can run on, fetched if need be."""
        for python in (*self.pythons.own, *self.fetched):
            if python.version[1] == minor and self.wish.allows(python.version):
                return self.used(python)
        try:
            return self.downloaded(minor)
        except PythonMissing as error:
            self.obstacle = error.found
        return None

    def used(self, python: Interpreter) -> Interpreter:
        """Mark a fetched Python as used."""
        return self.pythons.fetch(python.source) if python.source else python

    def downloaded(self, minor: int) -> Interpreter | None:
        """Fetch the newest Python 3.`minor` that would do, unless another download has failed already."""
        if self.obstacle:
            return None
        patient = not any(self.wish.allows(one.version) for one in self.pythons.there())
        for one in self.pythons.offered():
            if one.version[1] == minor and self.wish.allows(one.version):
                return self.pythons.fetch(one, patient=patient, on_line=self.on_line)
        return None

    def why(self) -> str:
        wish = self.wish
        if wish.strict:
            return f"requires {wish.strict}{_at(wish.strict_place)}"
        if wish.preferred:
            return f"prefers {wish.preferred}{_at(wish.preferred_place)}"
        return "the project names none"

    def warnings(self, found: Interpreter) -> Iterator[str]:
        wish, minor = self.wish, found.version[1]
        if wish.preferred and wish.minor is None and not re.search(r"\d", wish.preferred):
            yield f"The Python version {wish.preferred!r} is not understood; {found.full} was used."
        elif wish.minor is not None and wish.minor != minor:
            reason = self.unmet()
            yield (
                f"The project prefers Python {wish.preferred}{_at(wish.preferred_place)}; {found.full} was used, the "
                f"nearest that can be had. {reason}"
            ).strip()
        elif wish.minor is None and not wish.strict and not django_releases.is_made_for(wish.django, minor):
            yield f"Django {wish.django} is not made for Python {found.full}, which was used. {self.unmet()}".strip()

    def unmet(self) -> str:
        """Say why no nearer Python could be had."""
        if self.wish.minor is not None and self.wish.minor not in _MINORS:
            return f"Sites run on Python {_RANGE}."
        if self.wish.strict and not self.wish.allows((3, self.wish.minor or 0, 99)):
            return f"{_sentence(self.wish.strictly())}."
        return f"This server has {self.listed()}. {self.because()}"

    def because(self) -> str:
        """Say why nothing was fetched."""
        if self.obstacle:
            return _sentence(self.obstacle)
        if not self.pythons.fetches:
            return "No other is fetched here: DZ_PYTHON_DOWNLOADS is never."
        minors = sorted({one.version[:2] for one in self.pythons.offered()})
        return f"The downloads on offer are {', '.join(map(dotted, minors))}." if minors else "No download is on offer."

    def listed(self) -> str:
        return ", ".join(one.full for one in self.pythons.there()) or "no Python that every user can execute"

    def refusal(self) -> NoMatchingPython | PythonMissing:
        micros = [(3, minor, micro) for minor in _MINORS for micro in range(100)]
        if not any(map(self.wish.allows, micros)):
            return NoMatchingPython(
                f"{_sentence(self.wish.strictly())}; sites run on CPython {_RANGE}.",
                "Allow one of these, in requires-python or by python_version in a zoombuild.cfg.",
            )
        return PythonMissing(
            f"{_sentence(self.wish.strictly())}; this server has {self.listed()}. {self.because()}",
            "Install that Python where every user can execute it, or have it fetched: docs/operating.md, Pythons. "
            "Until then the project's owner can only allow one that is there, by python_version in a zoombuild.cfg.",
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _at(place: str) -> str:
    return f" ({place})" if place else ""
