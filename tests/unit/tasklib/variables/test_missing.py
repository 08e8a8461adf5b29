"""Variables that only the owner can know."""

import pytest
from cryptography.fernet import Fernet

from dz.tasklib.detection import Inspection, Variable
from dz.tasklib.variables import missing
from dz.tasklib.variables.missing import MissingVariable

READ = Inspection(
    is_django=True,
    environment=(
        Variable("PAYMENT_TOKEN", "settings.py:1", required=True, is_secret=True, note="of the shop"),
        Variable("PAGES", "settings.py:2", default="10", supply="default"),
        Variable("SALT", "settings.py:3", is_secret=True, supply="generate"),
        Variable("DATABASE_URL", "settings.py:4", required=True, supply="platform", fills="own"),
    ),
)


def test_what_is_required_or_any_random_value_for_and_has_no_value_yet_is_asked_for() -> None:
    assert missing.of(READ, ()) == (
        MissingVariable("PAYMENT_TOKEN", "settings.py:1", secret=True, note="of the shop"),
        MissingVariable("SALT", "settings.py:3", secret=True, random=True, required=False),
    )
    assert missing.of(READ, {"PAYMENT_TOKEN", "SALT"}) == ()


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("PAGES", MissingVariable("PAGES", "settings.py:2", secret=False, default="10")),
        ("UNREAD", MissingVariable("UNREAD", "zoombuild.cfg", secret=False)),
        ("STRIPE_SECRET_KEY", MissingVariable("STRIPE_SECRET_KEY", "zoombuild.cfg", secret=True)),
        ("SESSION_KEY", MissingVariable("SESSION_KEY", "zoombuild.cfg", secret=True, random=True)),
    ],
)
def test_what_a_configuration_requires_is_asked_for_whether_the_settings_read_it_or_not(
    named: str, expected: MissingVariable
) -> None:
    assert missing.of(READ, {"PAYMENT_TOKEN", "SALT"}, [named]) == (expected,)


def test_what_the_platform_sets_is_never_asked_for() -> None:
    assert missing.of(READ, {"PAYMENT_TOKEN", "SALT"}, ["DATABASE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"]) == ()


def test_random_values_are_made_anew_for_those_alone_for_which_any_does() -> None:
    wanted = [
        MissingVariable("TOKEN", "a.py:1", secret=True),
        MissingVariable("SALT", "a.py:2", secret=True, random=True),
        MissingVariable("FERNET_KEY", "a.py:3", secret=True, random=True),
    ]
    first, second = missing.random_values(wanted), missing.random_values(wanted)
    assert first.keys() == {"SALT", "FERNET_KEY"}
    assert all(len(value) >= 32 for value in first.values())
    assert not set(first.values()) & set(second.values())
    Fernet(first["FERNET_KEY"])  # it refuses a key of another form
