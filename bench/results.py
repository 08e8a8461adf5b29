"""What was measured: collected, summarised, compared, and written as a table and as JSON."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

OURS, PLAIN, SMART = "ours", "plain", "smart"
RATIOS = {
    "first_cold": (("first_cold", OURS), ("first_cold", PLAIN)),
    "first_warm": (("first_warm", OURS), ("first_warm", PLAIN)),
    "code_only": (("code_only", OURS), ("code_only", PLAIN)),
    "code_only_smart": (("code_only", OURS), ("code_only", SMART)),
    "nothing_changed": (("nothing_changed", OURS), ("code_only", PLAIN)),
    "one_dependency": (("one_dependency", OURS), ("one_dependency", PLAIN)),
    "rollback": (("rollback", OURS), ("code_only", PLAIN)),
    "hop_stock_over_warm": (("hop", "stock"), ("hop", OURS)),
}
"""Each ratio: whose median is divided by whose."""


@dataclass
class Results:
    """Seconds of every run, by case and side, with those of each step."""

    whole: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    steps: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)

    def add(self, case: str, side: str, seconds: float, steps: dict[str, float] | None = None) -> None:
        """Add one run."""
        self.whole.setdefault((case, side), []).append(seconds)
        rows = self.steps.setdefault((case, side), {})
        for step, took in (steps or {}).items():
            rows.setdefault(step, []).append(took)

    def median(self, case: str, side: str) -> float | None:
        """Return the median of a case on one side; None if it was not run."""
        found = self.whole.get((case, side))
        return statistics.median(found) if found else None

    def ratios(self) -> dict[str, float | None]:
        """Return every ratio; None where one of its two cases was not run."""
        found: dict[str, float | None] = {}
        for name, (above, below) in RATIOS.items():
            over, under = self.median(*above), self.median(*below)
            found[name] = round(over / under, 3) if over is not None and under else None
        hop = self.median("hop", OURS)
        found["hop_seconds"] = None if hop is None else round(hop, 3)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        cases: dict[str, Any] = {}
        for (case, side), values in self.whole.items():
            steps = {step: _summary(found) for step, found in self.steps[case, side].items()}
            cases.setdefault(case, {})[side] = {**_summary(values), "all": [round(one, 3) for one in values]}
            cases[case][side]["steps"] = steps
        return {"ratios": self.ratios(), "cases": cases}

    def table(self) -> Iterator[tuple[str, str, str, str, str, str, str]]:
        """Return rows of (case, side, step, runs, min, median, max); the step is empty for the whole case."""
        for (case, side), values in self.whole.items():
            yield (case, side, "", *_cells(values))
            for step, found in self.steps[case, side].items():
                yield ("", "", step, *_cells(found))


def _summary(values: list[float]) -> dict[str, float | int]:
    found = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    return {"n": len(values), **{name: round(value, 3) for name, value in found.items()}}


def _cells(values: list[float]) -> tuple[str, str, str, str]:
    median = statistics.median(values)
    return str(len(values)), f"{min(values):.2f}", f"{median:.2f}", f"{max(values):.2f}"
