"""The words of the verification form: markdown above it, and a hint for each field."""

from collections.abc import Sequence

from dz.tasklib.detection import Guess, Risk
from dz.tasklib.guesses.table import cell
from dz.tasklib.launches.findings import Findings
from dz.tasklib.launches.form import GUESS_OF, KEYS
from dz.tasklib.variables.missing import MissingVariable

_TASK = (
    "**Correct what is wrong, then submit: the site is built and goes live with exactly these values.** "
    "What you type here is stored in clear: no secrets."
)


def description(findings: Findings, problems: Sequence[str]) -> str:
    """Return the markdown above the form: what is wrong, what was found and why, and what is missing."""
    rows = [guess for guess in findings.guesses if not isinstance(guess.value, dict)]
    return f"{summary(findings, problems)}\n\n{table(rows)}"


def summary(findings: Findings, problems: Sequence[str]) -> str:
    """Return what a person must see: what is wrong, unsure, at risk or missing; only paragraphs and lists."""
    risks = findings.inspection.risks
    parts = [
        _problems(problems),
        f"Commit `{findings.commit[:12]}` of {cell(findings.url)}. {_TASK}",
        _unsure(findings),
        _listed("**Data that a deploy could lose**", [_risk(risk) for risk in risks if not risk.safe]),
        _secrets(findings),
        _listed("**Kept by DjangoZoom**", [_risk(risk) for risk in risks if risk.safe]),
        _listed("**Warnings**", findings.inspection.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


def hints(findings: Findings, problems: Sequence[str]) -> dict[str, str]:
    """Return the hint for each field: what is wrong with it, where it was read, and what else was found."""
    found = {"project": summary(findings, problems)}
    for key in KEYS:
        rows = [guess for guess in findings.guesses if guess.field == GUESS_OF.get(key, key)]
        wrong = [f"**{cell(problem)}**" for problem in problems if problem.startswith(f"{key}:")]
        first = [_said(guess) for guess in rows if guess.is_primary]
        others = [
            f"`{cell(guess.value)}` ({cell(guess.basis)}, {guess.proof})" for guess in rows if not guess.is_primary
        ]
        also = [f"Other candidates: {', '.join(others)}."] if others else []
        found[key] = " ".join([*wrong, *first[:1], *also])
    return found


def _said(guess: Guess) -> str:
    happened = f": {cell(guess.happened)}" if guess.happened else ""
    return f"Read from {cell(guess.basis)} ({guess.proof}{happened})."


def table(rows: Sequence[Guess]) -> str:
    """Return the guesses as a markdown table."""
    lines = ["| field | value | read from | proof | what happened |", "| --- | --- | --- | --- | --- |"]
    for guess in rows:
        mark = guess.proof if guess.is_primary else "other candidate"
        lines.append(
            f"| {guess.field} | `{cell(guess.value)}` | {cell(guess.basis)} | {mark} | {cell(guess.happened)} |"
        )
    return "\n".join(lines) if rows else ""


def missing(one: MissingVariable) -> str:
    """Name a variable that has no value, and what reads it."""
    return f"{one.name} ({one.basis})"


def _problems(problems: Sequence[str]) -> str:
    return _listed("### This cannot be deployed yet", problems)


def _unsure(findings: Findings) -> str:
    if error := findings.unmet():
        return f"**{cell(error.found)}** Submit the form with database_type `postgresql` to run it on PostgreSQL. Data that lies in the other database does not come along."
    if findings.inspection.ambiguous:
        return "**Several answers are equally likely: look at the project root and the settings module.**"
    return ""


def _secrets(findings: Findings) -> str:
    """Say which secrets a person must set elsewhere, and which are generated."""
    asked = [one for one in findings.wanted if one.secret and not one.random]
    made = [one for one in findings.wanted if one.random]
    lines = []
    if asked:
        command = " ".join(["dz variables", findings.project.name, *(f"--ask {cell(one.name)}" for one in asked)])
        names = ", ".join(f"`{cell(missing(one))}`" for one in asked)
        lines.append(f"**Secrets to set before you submit**, at a terminal, stored encrypted: {names}. `{command}`")
    if made:
        lines.append("A random secret is made for: " + ", ".join(f"`{cell(missing(one))}`" for one in made) + ".")
    return "\n\n".join(lines)


def _risk(risk: Risk) -> str:
    return f"{risk.found} ({risk.basis}). {risk.choice}"


def _listed(title: str, lines: Sequence[str]) -> str:
    # In the description of a field, Prefect's UI joins lines unless an empty one separates them.
    return title + "".join(f"\n\n- {cell(line)}" for line in lines) if lines else ""
