"""Environment variables that a site needs and that only its owner can know."""

import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dz.tasklib.detection import Inspection

SECRET = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|SALT|(^|_)KEY(_|$)", re.IGNORECASE)
_RANDOM = re.compile(r"SECRET_KEY$|SALT|SIGNING|HASHID", re.IGNORECASE)
_PLATFORM = re.compile(
    r"DATABASE_URL|(DJANGO_)?(SECRET_KEY|ALLOWED_HOSTS|DEBUG)|DJANGO_SETTINGS_MODULE|CONFIG_PG_\w+|DZ_\w+|PORT"
)


@dataclass(frozen=True)
class Wanted:
    """A variable that the settings read and that the platform does not set.

    Args:
        basis: `file:line` that reads it.
        secret: its value must not be shown, and never goes through Prefect.
        random: any random value does, so one is made.
        required: the settings do not load without it.
        default: the text of the default that the settings have, where they have one.
        note: what else is known of it.
    """

    name: str
    basis: str
    secret: bool
    random: bool = False
    required: bool = True
    default: str = ""
    note: str = ""


def of(inspection: Inspection, known: Collection[str], named: Iterable[str] = ()) -> tuple[Wanted, ...]:
    """Return the variables to fill.

    Args:
        known: those that have a value already.
        named: those that a `zoombuild.cfg` requires.
    """
    read = {guess.value: guess.basis for guess in inspection.guesses if guess.field == "env_required"}
    bases = {**dict.fromkeys(named, "zoombuild.cfg"), **read}
    return tuple(
        Wanted(name, basis, secret=bool(SECRET.search(name)), random=bool(_RANDOM.search(name)))
        for name, basis in bases.items()
        if name not in known and not _PLATFORM.fullmatch(name)
    )


def random_values(wanted: Iterable[Wanted]) -> dict[str, str]:
    """Return a new random value for each variable for which any does."""
    return {one.name: secrets.token_urlsafe(37) for one in wanted if one.random}
