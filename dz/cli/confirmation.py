"""The verification form at a terminal: a table of what was guessed, in which each line can be changed."""

from collections.abc import Collection, Mapping
from typing import Any

import typer

from dz.cli import output, typed
from dz.errors import ConfirmationMissing
from dz.tasklib import projects
from dz.tasklib.detection import Guess
from dz.tasklib.guesses import rows
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.launches.form import GUESS_OF, KEYS, VARIABLE
from dz.tasklib.launches.launches import LaunchView
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb

YES = {"y": True, "yes": True, "true": True, "on": True, "n": False, "no": False, "false": False, "off": False}


def asked(zoomdb: Zoomdb, job: JobView, view: LaunchView) -> dict[str, Any]:
    """Show the form to a person, read secrets without echo, and return the confirmed answer."""
    project = projects.find(zoomdb, job.project or "")
    answer, found = shown(view), rows.load(zoomdb, view.check or 0)
    for problem in view.problems:
        output.note(f"  ! {problem}")
    for one in missing(job, stored.of_project(zoomdb, project.id)):
        if one["secret"]:
            output.note(f"{one['name']} is a secret; {one['basis']} reads it. It is stored encrypted.")
            stored.put(zoomdb, project.id, typed.hidden([one["name"]]))
        elif not answer.get(VARIABLE + one["name"]):
            answer[VARIABLE + one["name"]] = typed.prompted(one["name"], why=one["basis"])
    return _edited(answer, found, job.id)


def shown(view: LaunchView) -> dict[str, Any]:
    """Return the values that a form shows, as an answer."""
    return {key: value for key, value in view.answer.items() if key != "config"}


def missing(job: JobView, known: Collection[str]) -> list[dict[str, Any]]:
    """Return the variables of a launch that only a person can give and that are not set yet."""
    wanted: list[dict[str, Any]] = job.result.get("wanted", [])
    return [one for one in wanted if one["required"] and not one["random"] and one["name"] not in known]


def _edited(answer: dict[str, Any], found: list[Guess], job: int) -> dict[str, Any]:
    while True:
        fields = ["project", *KEYS, *(name for name in answer if name.startswith(VARIABLE))]
        output.print_table(
            ("", "field", "value", "proof", "read from"), list(_rows(fields, answer, found)), stderr=True
        )
        choice = str(
            typer.prompt(
                "Enter: go live with these; a number: change that; q: leave it waiting",
                default="",
                show_default=False,
                err=True,
            )
        ).strip()
        if choice == "":
            return answer
        if choice.lower() == "q":
            raise ConfirmationMissing(
                f"The form of job {job} still waits.", f"`dz launch --resume {job}` shows it again."
            )
        if choice.isdigit() and 1 <= int(choice) <= len(fields):
            field = fields[int(choice) - 1]
            # A variable is taken as it is typed, all lines and spaces of it.
            name = field.removeprefix(VARIABLE)
            answer[field] = _changed(field, answer.get(field)) if name == field else typed.prompted(name)


def _rows(fields: list[str], answer: Mapping[str, Any], found: list[Guess]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for number, field in enumerate(fields, 1):
        read = [guess for guess in found if guess.field == GUESS_OF.get(field, field)]
        first = next((guess for guess in read if guess.is_primary), None)
        proof, basis = (first.proof, first.basis) if first else ("", "")
        rows.append((str(number), field.removeprefix(VARIABLE), _text(answer.get(field)), proof, basis))
        rows += [("", "  or", _text(guess.value), guess.proof, guess.basis) for guess in read if not guess.is_primary]
    return rows


def _changed(field: str, value: Any) -> Any:
    """Ask for a new value of the same type, and return it."""
    how = {bool: "yes or no", list: "separated by commas", int: "a number"}.get(type(value), "")
    label = f"{field}{f' ({how})' if how else ''}"
    while True:
        text = str(typer.prompt(label, default="", show_default=False, err=True)).strip()
        if isinstance(value, bool) and text.lower() in YES:
            return YES[text.lower()]
        if isinstance(value, int) and not isinstance(value, bool) and text.isdigit():
            return int(text)
        if isinstance(value, list):
            return [part.strip() for part in text.split(",") if part.strip()]
        if not isinstance(value, int):
            return text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "")
