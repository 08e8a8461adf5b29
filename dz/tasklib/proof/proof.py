"""Proves guesses by running them: installs what a project needs, loads it and asks for its first page.

A project that does not load is a result here, never an error. What project code reports is untrusted text.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

from dz.errors import DzError
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.detection import Inspection
from dz.tasklib.detection.settings import role
from dz.tasklib.proof import candidates, verdicts
from dz.tasklib.proof.attempts import Attempt, Prover, try_candidate
from dz.tasklib.proof.verdicts import CONFLICTING, PROVED, READ

_NOT_PRODUCTION = ("other", "base")


@dataclass(frozen=True)
class Proof:
    """What running the candidates has shown.

    Args:
        attempts: in the order in which they were made.
        chosen: the attempt that the primary guesses follow; None: nothing was run.
        seconds: how long all of it took.
    """

    outcome: str
    happened: str
    attempts: tuple[Attempt, ...] = ()
    chosen: Attempt | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the summary that a job's result holds."""
        return {
            "outcome": self.outcome,
            "happened": self.happened,
            "settings_module": self.chosen.settings_module if self.chosen else None,
            "python": self.chosen.python if self.chosen else "",
            "django_version": self.chosen.django_version if self.chosen else "",
            "seconds": round(self.seconds, 1),
            "warnings": list(self.chosen.warnings) if self.chosen else [],
            "attempts": [attempt.to_json() for attempt in self.attempts],
        }


def prove(inspection: Inspection, checkout: Checkout, prover: Prover) -> Proof:
    """Return what running the best candidates shows; unless several are likely, it ends if the first one is proved."""
    begun = time.monotonic()
    if inspection.legacy_python2:
        return Proof(READ, "it is written for Python 2, which no server here has")
    try:
        plans = candidates.plans(inspection, checkout)
    except DzError as error:
        return Proof(READ, verdicts.short(error.found))
    attempts: list[Attempt] = []
    for plan in plans:
        attempts.append(try_candidate(plan, checkout, inspection, prover))
        if not inspection.ambiguous and (attempts[-1].outcome == READ or attempts[-1].stage == "install"):
            break
        if not inspection.ambiguous and any(attempt.outcome == PROVED for attempt in attempts[:1]):
            break
    return replace(_concluded(inspection, attempts), seconds=time.monotonic() - begun)


def _concluded(inspection: Inspection, attempts: list[Attempt]) -> Proof:
    """Draw the conclusion; settings that are not for production never replace others that do not load."""
    if not attempts:
        return Proof(READ, "there is no candidate to run")
    first, made = attempts[0], tuple(attempts)
    loads = [attempt for attempt in attempts if attempt.outcome == PROVED]
    fit = [attempt for attempt in loads if role(attempt.settings_module) not in _NOT_PRODUCTION]
    if inspection.ambiguous and len(loads) > 1:
        names = ", ".join(_name(attempt) for attempt in loads)
        return Proof(CONFLICTING, f"several candidates load: {names}", made, first)
    if first.outcome == PROVED:
        return Proof(PROVED, first.happened, made, first)
    if len(loads) == 1:
        failed = f"{_name(first)}: {first.happened}; {_name(loads[0])} loads"
        known = all(attempt.outcome != READ for attempt in attempts)
        chosen = loads[0] if fit and known else first
        outcome = PROVED if inspection.ambiguous and chosen is not first else CONFLICTING
        return Proof(outcome, chosen.happened if outcome == PROVED else failed, made, chosen)
    return Proof(first.outcome, first.happened, made, first)


def _name(attempt: Attempt) -> str:
    root = attempt.plan.project_root
    return attempt.settings_module if root == "." else f"{attempt.settings_module} in {root}"
