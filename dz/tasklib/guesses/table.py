"""Guesses as a markdown table that text from a repository cannot break out of."""

from typing import Any

from dz.tasklib.detection import Inspection
from dz.tasklib.detection.wording import text
from dz.tasklib.guesses.rows import guesses_of


def next_step(url: str, *, ui: str | None) -> str:
    """Return what to do after a check.

    Args:
        ui: the address of the Prefect UI, if there is one.
    """
    where = f" or run [build-and-deploy]({ui}/deployments) in this UI" if ui else ""
    return f"`dz deploy {url}`{where}"


def markdown(inspection: Inspection, next_step: str) -> str:
    """Return the guesses as a markdown table.

    Args:
        inspection: what was read.
        next_step: a sentence that says what to do next; it ends the text.
    """
    if not inspection.is_django:
        return f"**No Django project:** {cell(inspection.reason or '')}.\n\n{next_step}\n"
    lines = ["| field | value | read from | | what happened |", "| --- | --- | --- | --- | --- |"]
    for guess in guesses_of(inspection):
        marks = [] if guess.is_primary else ["other candidate"]
        marks += [guess.proof] if guess.is_primary or guess.happened else []
        cells = f"{cell(guess.basis)} | {', '.join(marks)} | {cell(guess.happened)}"
        lines.append(f"| {guess.field} | `{cell(guess.value)}` | {cells} |")
    unsure = "\n**Several answers are equally likely: choose before deploying.**\n" if inspection.ambiguous else ""
    notes = "".join(f"\n- {cell(warning)}" for warning in inspection.warnings)
    return "\n".join(lines) + f"\n{unsure}{notes}\n\n{next_step}\n"


def cell(value: Any) -> str:
    """Escape text from a repository, so that it can neither leave its table cell nor become markup."""
    plain = "".join("'" if c == "`" else "/" if c == "|" else c for c in text(value))[:500]
    # No tags, no links or images, no link definitions.
    return plain.replace("<", "&lt;").replace("](", "] (").replace("]:", "] :")
