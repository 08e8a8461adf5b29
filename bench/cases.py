"""The cases of a comparison, each run on one side right after the other."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench import leftovers
from bench.floor import Floor
from bench.ours import Asked, Platform
from bench.probe import Place
from bench.projects import Project
from bench.results import OURS, PLAIN, SMART, Results

CASES = (
    *("first_cold", "first_warm", "code_only", "nothing_changed", "one_dependency", "rollback"),
    *("check_repo", "hop", "at_once"),
)
LATER = frozenset({"hop", "at_once"})
"""Cases that are run once, after all rounds."""


@dataclass
class Comparison:
    """One size of project on both sides.

    Args:
        tell: called with a line for people after each run.
    """

    project: Project
    ours: Platform
    floor: Floor
    results: Results
    tell: Callable[[str], None]
    tag: str
    site: str = ""
    old_version: str = ""

    def prepare(self, cases: frozenset[str]) -> None:
        """Build the virtualenv that the smart script keeps, and let both sides download every package once."""
        if cases & {"code_only"}:
            self._script("", f"{self.tag}-smart", SMART)
        if "first_cold" not in cases:
            self._first("", 0)

    def round(self, number: int, cases: frozenset[str]) -> None:
        """Run the chosen cases once; the side that comes first alternates from round to round."""
        if "first_cold" in cases:
            self._first("first_cold", number)
        if cases - LATER - {"first_cold"}:
            self._first("first_warm", number)
        self._redeploys(number, cases)

    def _first(self, case: str, number: int) -> None:
        # Leftovers of an earlier project in the store and on servers would save the new one work.
        leftovers.remove(self.ours)
        self.site = f"{self.tag}-{number}-{case[6:] or 'before'}"
        self._both(number, lambda: self._first_of_ours(case), lambda: self._first_of_script(case))

    def _first_of_ours(self, case: str) -> None:
        if case == "first_cold":
            self.ours.empty_cache()
        self._deploy(case, self.url)

    def _first_of_script(self, case: str) -> None:
        self.floor.drop(f"{self.tag}-plain")
        if case == "first_cold":
            self.floor.empty_cache()
        self._script(case, f"{self.tag}-plain", PLAIN)

    def _redeploys(self, number: int, cases: frozenset[str]) -> None:
        if cases & {"code_only", "rollback"}:
            case = "code_only" if "code_only" in cases else ""
            self.old_version, _ = self.project.version, self.project.commit()
            scripts = ((PLAIN, f"{self.tag}-plain"), (SMART, f"{self.tag}-smart")) if case else ()
            self._both(number, lambda: self._deploy(case), *[partial(self._script, case, n, v) for v, n in scripts])
        if "nothing_changed" in cases:
            self._job("nothing_changed", lambda: self.ours.deploy(self.site))
        if "one_dependency" in cases:
            self.old_version, _ = self.project.version, self.project.change_dependency()
            script = partial(self._script, "one_dependency", f"{self.tag}-plain", PLAIN)
            self._both(number, lambda: self._deploy("one_dependency"), script)
            if "code_only" in cases:
                # Let the smart script keep a virtualenv for the changed requirements, too, so that code_only finds it.
                self._script("", f"{self.tag}-smart", SMART)
        if "rollback" in cases:
            self._answered("rollback", self.ours.rollback(self.site), self.old_version)
        if "check_repo" in cases:
            self._job("check_repo", lambda: self.ours.check(self.url))

    def _both(self, number: int, *sides: Callable[[], None]) -> None:
        for side in sides if number % 2 else reversed(sides):
            side()

    @property
    def url(self) -> str:
        """The URL from which both sides get the project."""
        return self.ours.url(self.project.bare)

    def _deploy(self, case: str, url: str | None = None) -> None:
        asked = self.ours.deploy(self.site, url)
        self._answered(case, asked, self.project.version)

    def _answered(self, case: str, asked: Asked, version: str) -> None:
        place = self.ours.place(self.site)
        answered, job = place.answered_by(version, lambda: self.ours.wait(asked))
        steps = {**self.ours.steps(asked), "job": self.ours.job_seconds(asked, job)}
        self._add(case, OURS, answered - asked.at, steps)

    def _job(self, case: str, ask: Callable[[], Asked]) -> None:
        asked = ask()
        seconds = self.ours.job_seconds(asked, self.ours.wait(asked))
        self._add(case, OURS, seconds, self.ours.steps(asked))

    def _script(self, case: str, name: str, variant: str) -> None:
        place = Place(self.floor.web_port, f"{name}.localhost")
        began = time.time()
        answered, steps = place.answered_by(self.project.version, lambda: self.floor.deploy(name, self.url, variant))
        self._add(case, variant, answered - began, steps)

    def _add(self, case: str, side: str, seconds: float, steps: dict[str, float]) -> None:
        """Keep a run; one without a name only prepares others."""
        if case:
            self.results.add(case, side, seconds, steps)
            self.tell(f"{case} {side} {seconds:.2f} s")
