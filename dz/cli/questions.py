"""What only a person can decide before a first deploy: which candidate is meant, and values of variables."""

import configparser
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import typer

from dz.cli import output, typed
from dz.errors import AmbiguousProject, MissingEnvironment
from dz.tasklib.configuration import zoombuild
from dz.tasklib.detection import Variable, contract
from dz.tasklib.variables import missing

KEYS = {"project_root": "project_root", "settings_module": "django_settings_module"}
"""Guessed fields that tell candidates apart, and the key of `zoombuild.cfg` that chooses between them."""


class Guess(Protocol):
    """What these questions need of a guess."""

    field: str
    value: Any
    basis: str
    is_primary: bool


def can_ask(*, as_json: bool) -> bool:
    """Say whether a person sits at a terminal and expects questions."""
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


def config_for(guesses: Sequence[Guess], *, ambiguous: bool, ask: bool) -> str | None:
    """Return the `zoombuild.cfg` that chooses between candidates; None where detection's own choice stands.

    Args:
        ambiguous: detection found several equally likely candidates.
        ask: a person can answer; otherwise the primary candidate is taken and the others are named.

    Raises:
        AmbiguousProject: there is no candidate to take.
    """
    chosen: dict[str, str] = {}
    ambiguous = ambiguous or _is_unclear(guesses)
    for field, key in KEYS.items():
        candidates = _distinct(guess for guess in guesses if guess.field == field and guess.value)
        if not candidates:
            continue
        primary = next((guess for guess in candidates if guess.is_primary), candidates[0])
        picked = primary
        if len(candidates) > 1:
            picked = _asked(field, candidates, primary) if ask else _taken(field, candidates, primary)
        if ambiguous or picked is not primary:
            chosen[key] = str(picked.value)
    if ambiguous and KEYS["settings_module"] not in chosen:
        raise AmbiguousProject(
            "Several projects are equally likely, and no settings module could be found.",
            "Put a zoombuild.cfg with project_root and django_settings_module into the project.",
        )
    return _config_text(chosen) if chosen else None


def missing_variables(guesses: Sequence[Guess], known: Iterable[str]) -> list[str]:
    """Return the variables that the settings need and that neither the owner nor the platform has set."""
    rows = [guess.value for guess in guesses if guess.field == "environment" and isinstance(guess.value, dict)]
    # The proof knows better than static reading which variables are required.
    read = [Variable(**{**row, "required": False}) for row in rows]
    required: list[str] = []
    for guess in guesses:
        if guess.field == "env_required" and guess.value and guess.is_primary:
            required += map(str, guess.value if isinstance(guess.value, list | tuple) else [guess.value])
    return [one.name for one in missing.among(read, set(known), required)]


def values_for(names: Sequence[str], *, ask: bool) -> dict[str, str]:
    """Return values for variables: secrets that only the project needs are generated, others asked for.

    Raises:
        MissingEnvironment: nobody can be asked; the text names them all.
    """
    values = {name: contract.generated(name) for name in names if contract.can_generate(name)}
    for name in values:
        output.note(
            f"  {name}: a random value was generated and stored; `dz deploy PROJECT --set {name}=...` changes it"
        )
    unknown = [name for name in names if name not in values]
    if unknown and not ask:
        options = " ".join(f"--set {name}=VALUE" for name in unknown)
        raise MissingEnvironment(
            f"The project's settings need environment variables that nobody has set: {', '.join(unknown)}.",
            f"Give their values: {options}",
        )
    return values | {name: typed.prompted(name, hide=contract.is_secret(name)) for name in unknown}


def _distinct(guesses: Iterable[Guess]) -> list[Guess]:
    found: dict[str, Guess] = {}
    for guess in guesses:
        text = str(guess.value)
        if text not in found or (guess.is_primary and not found[text].is_primary):
            found[text] = guess
    return list(found.values())


def _is_unclear(guesses: Sequence[Guess]) -> bool:
    """Say whether there are several settings modules, of which not exactly one is primary."""
    candidates = _distinct(guess for guess in guesses if guess.field == "settings_module" and guess.value)
    return len(candidates) > 1 and sum(guess.is_primary for guess in candidates) != 1


def _asked(field: str, candidates: list[Guess], primary: Guess) -> Guess:
    output.note(f"Several candidates for {field}:")
    for number, guess in enumerate(candidates, 1):
        output.note(f"  {number}. {guess.value}   ({guess.basis})")
    default = candidates.index(primary) + 1
    while True:
        answer: int = typer.prompt("Which one", default=default, type=int, err=True)
        if 1 <= answer <= len(candidates):
            return candidates[answer - 1]


def _taken(field: str, candidates: list[Guess], primary: Guess) -> Guess:
    others = ", ".join(f"{guess.value} ({guess.basis})" for guess in candidates if guess is not primary)
    output.note(f"  {field}: {primary.value} ({primary.basis}); other candidates: {others}")
    return primary


def _config_text(chosen: Mapping[str, str]) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser["project"] = dict(chosen)
    out = io.StringIO()
    parser.write(out)
    zoombuild.parse(out.getvalue(), "the chosen candidates")
    return out.getvalue()
