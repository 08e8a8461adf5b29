"""Guesses as markdown that fits beside a page's margin, and that text from a repository cannot break out of.

Prefect's UI wraps no cell of a table: of a window 1,280 pixels wide, some 95 letters in four columns are seen. So a
long value is shortened in its cell and stands whole below the table.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.detection.wording import text
from dz.tasklib.guesses.rows import guesses_of

VALUE, BASIS = 28, 30
"""Letters of a value and of a `file:line` that are seen."""


TRIED_NOW = "This is being tried now; what happens is shown here as soon as it is known."
"""What comes next while a proof runs."""


def next_step(command: str, link: str | None) -> str:
    """Return what to do after a check, as markdown.

    Args:
        command: what does it at a terminal.
        link: the page that does it in the Prefect UI, if there is one.
    """
    by_link = f"**[Go on to the form that holds these guesses]({link})** Or at a terminal" if link else "At a terminal"
    return f"{by_link}: `{cell(command)}`"


def markdown(inspection: Inspection, next_step: str) -> str:
    """Return the guesses as markdown: what to do next, a table of what was guessed, and what people must know of it.

    Args:
        inspection: what was read, and what a proof made of it.
        next_step: markdown that says what to do next.
    """
    if not inspection.is_django:
        return f"**No Django project:** {cell(inspection.reason or '')}.\n\n{next_step}\n"
    guesses = guesses_of(inspection)
    plain = [guess for guess in guesses if not isinstance(guess.value, dict) and guess.field != "env_required"]
    unsure = "**Several answers are equally likely: look at the project root and the settings module.**"
    parts = [
        next_step,
        unsure if inspection.ambiguous else "",
        _table(("guess", "value", "proof", "read from"), _rows(plain)),
        _listed("**What happened when it was tried**", _happened(plain)),
        _table(("variable", "its value", "proof", "read from"), _variables(guesses)),
        _listed("**Data**", [f"{cell(guess.value)} ({cell(guess.basis)})" for guess in guesses if _is_risk(guess)]),
        _listed("**Warnings**", [cell(warning) for warning in inspection.warnings]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def cell(value: Any) -> str:
    """Escape text from a repository, so that it can neither leave its table cell nor become markup."""
    plain = "".join("'" if c == "`" else "/" if c == "|" else c for c in text(value))[:500]
    # No tags, no links or images, no link definitions.
    return plain.replace("<", "&lt;").replace("](", "] (").replace("]:", "] :")


def _rows(guesses: Iterable[Guess]) -> list[tuple[str, str, str, str]]:
    """Return a row for each value; of a list, for each member."""
    rows = []
    for field, group in itertools.groupby(guesses, key=lambda guess: guess.field):
        for number, guess in enumerate(group):
            name = field.replace("_", " ") if number == 0 else "or"
            for value in guess.value if isinstance(guess.value, list | tuple) else [guess.value]:
                rows.append((name, f"`{_cut(value, VALUE)}`", guess.proof, _end_of(guess.basis)))
                name = ""
    return rows


def _variables(guesses: Sequence[Guess]) -> list[tuple[str, str, str, str]]:
    """Return a row for each environment variable; that it is required has been read or proved."""
    required = {guess.value: guess for guess in guesses if guess.field == "env_required"}
    rows = []
    for guess in guesses:
        if isinstance(guess.value, dict) and "supply" in guess.value:
            name = guess.value.get("name")
            proof = required.pop(name, guess).proof
            words = text({**guess.value, "required": False}).partition(": ")[2]
            rows.append((f"`{_cut(name, VALUE)}`", _cut(words, VALUE), proof, _end_of(guess.basis)))
    return rows + [(f"`{_cut(g.value, VALUE)}`", "required", g.proof, _end_of(g.basis)) for g in required.values()]


def _happened(guesses: Iterable[Guess]) -> list[str]:
    """Return what the proof saw, and the values that are too long for their cells."""
    told = []
    for guess in guesses:
        long = not isinstance(guess.value, list | tuple) and len(text(guess.value)) > VALUE
        if guess.happened or long:
            said = f": {cell(guess.happened)}" if guess.happened else ""
            told.append(f"{guess.field.replace('_', ' ')} `{cell(guess.value)}`{said}")
    return told


def _is_risk(guess: Guess) -> bool:
    return isinstance(guess.value, dict) and "choice" in guess.value


def _cut(value: Any, letters: int) -> str:
    shown = text(value)
    return cell(shown if len(shown) <= letters else f"{shown[: letters - 1]}…")


def _end_of(basis: str) -> str:
    """Shorten a `file:line` at its beginning: the end tells where to look."""
    shown = text(basis)
    return cell(shown if len(shown) <= BASIS else f"…{shown[1 - BASIS :]}")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def _listed(title: str, lines: Sequence[str]) -> str:
    return f"{title}\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""
