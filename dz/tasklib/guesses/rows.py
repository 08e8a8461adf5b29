"""Guesses as rows of zoomdb."""

from typing import Any

from sqlalchemy import delete, select

from dz.tasklib.detection import Guess, Inspection
from dz.zoomdb.models import ConfigGuess
from dz.zoomdb.session import Zoomdb


def guesses_of(inspection: Inspection) -> list[Guess]:
    """Return the guesses, the primary one of each field first."""
    return sorted(inspection.guesses, key=lambda guess: (guess.field, not guess.is_primary))


def save(zoomdb: Zoomdb, job_id: int, guesses: list[Guess]) -> None:
    """Store the guesses of a job; rows that the job stored before are replaced."""
    with zoomdb.session() as session:
        session.execute(delete(ConfigGuess).where(ConfigGuess.job_id == job_id))
        for guess in guesses:
            session.add(
                ConfigGuess(
                    job_id=job_id,
                    field=guess.field,
                    value=storable(guess.value),
                    basis=_text(guess.basis),
                    is_primary=guess.is_primary,
                    proof=guess.proof,
                    happened=_text(guess.happened),
                )
            )


def load(zoomdb: Zoomdb, job_id: int) -> list[Guess]:
    """Return the guesses of a job in the order in which they were stored."""
    with zoomdb.session() as session:
        rows = session.scalars(select(ConfigGuess).where(ConfigGuess.job_id == job_id).order_by(ConfigGuess.id))
        return [
            Guess(row.field, row.value, row.basis, is_primary=row.is_primary, proof=row.proof, happened=row.happened)
            for row in rows
        ]


def storable(value: Any) -> Any:
    """Return a value that JSONB can hold: PostgreSQL refuses NUL characters and lone surrogates."""
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value if isinstance(value, bool | int | None) else _text(value)


def _text(value: Any) -> str:
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()
