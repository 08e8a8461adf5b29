"""ConfigGuesses: stored in zoomdb, and shown as a table."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from dz.tasklib.detection import Guess, Inspection
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import ConfigGuess


def guesses_of(inspection: Inspection) -> list[Guess]:
    """Return every candidate that was considered, the primary ones first in each field."""
    return sorted(inspection.guesses, key=lambda guess: (guess.field, not guess.is_primary))


def save(zoomdb: Zoomdb, job_id: int, guesses: Sequence[Guess]) -> None:
    """Store a job's guesses in place of those that it stored before."""
    with zoomdb.session() as session:
        session.execute(delete(ConfigGuess).where(ConfigGuess.job_id == job_id))
        session.add_all(
            ConfigGuess(
                job_id=job_id,
                field=guess.field,
                value=list(guess.value) if isinstance(guess.value, tuple) else guess.value,
                basis=guess.basis,
                is_primary=guess.is_primary,
                proof=guess.proof,
            )
            for guess in guesses
        )


def load(zoomdb: Zoomdb, job_id: int) -> list[Guess]:
    """Return the guesses that a job stored."""
    query = select(ConfigGuess).where(ConfigGuess.job_id == job_id).order_by(ConfigGuess.id)
    with zoomdb.session() as session:
        return [Guess(row.field, row.value, row.basis, row.is_primary, row.proof) for row in session.scalars(query)]


def markdown(inspection: Inspection, next_step: str) -> str:
    """Return the guesses as a table, with what to do next."""
    if not inspection.is_django:
        return f"**No Django project was found:** {_cell(inspection.reason)}"
    rows = [
        f"| {_cell(guess.field)} | {_cell(guess.value)} | {_cell(guess.basis)} | {'yes' if guess.is_primary else ''} |"
        for guess in guesses_of(inspection)
    ]
    table = "\n".join(["| field | value | read in | taken |", "| --- | --- | --- | --- |", *rows])
    warnings = "".join(f"\n- {_cell(warning)}" for warning in inspection.warnings)
    return f"{table}\n{warnings}\n\nNext: {next_step}"


def _cell(value: object) -> str:
    """Return text that cannot end a table's cell or become markup: it comes from a stranger's repository."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    plain = " ".join(text.split()).replace("`", "'").replace("|", "/")
    return f"`{plain}`" if plain else ""
