"""Variables that a site needs and that only its owner can know."""

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dz.tasklib.detection import Inspection, Variable, contract


@dataclass(frozen=True)
class MissingVariable:
    """A variable that the settings read and that the platform does not set.

    Args:
        basis: `file:line` that reads it.
        secret: its value must not be shown, and never goes through Prefect.
        random: any random value will do, so one is generated.
        required: the settings do not load without it.
        default: the text of the default that the settings have, where they have one.
        note: what else is known about it.
    """

    name: str
    basis: str
    secret: bool
    random: bool = False
    required: bool = True
    default: str = ""
    note: str = ""


def of(inspection: Inspection, known: Collection[str], named: Iterable[str] = ()) -> tuple[MissingVariable, ...]:
    """Return the variables of a project that still need a value.

    Args:
        known: those that have a value already.
        named: those that a `zoombuild.cfg` requires.
    """
    return among(inspection.environment, known, named)


def among(read: Iterable[Variable], known: Collection[str], named: Iterable[str]) -> tuple[MissingVariable, ...]:
    """Return those of the variables that settings read, or that are named, which still need a value; see `of`."""
    by_name = {one.name: one for one in read}
    found = {name: one for name, one in by_name.items() if one.required or one.supply == "generate"}
    for name in named:
        one = by_name.get(name) or contract.unread(name, "zoombuild.cfg")
        found[name] = dataclasses.replace(one, required=True)
    return tuple(
        MissingVariable(
            one.name,
            one.basis,
            secret=one.is_secret,
            random=one.supply == "generate",
            required=one.required,
            default=one.default or "",
            note=one.note,
        )
        for one in found.values()
        if one.name not in known and one.supply != "platform"
    )


def random_values(wanted: Iterable[MissingVariable]) -> dict[str, str]:
    """Return a new random value for each variable for which any will do."""
    return {one.name: contract.generated(one.name) for one in wanted if one.random}
