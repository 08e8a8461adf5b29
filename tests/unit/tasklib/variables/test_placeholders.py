"""Placeholders: values of a fitting kind, and which of them an error refuses."""

import pytest

from dz.tasklib.variables import placeholders


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("STRIPE_SECRET_KEY", ""),
        ("REDIS_URL", "redis://"),
        ("SENTRY_DSN", "https://"),
        ("EMAIL_HOST_USER", "nobody@"),
        ("SMTP_PORT", "1"),
        ("USE_TLS", "False"),
        ("SHOP_NAME", "stand-in"),
    ],
)
def test_a_stand_in_is_of_the_kind_that_the_name_says(name: str, start: str) -> None:
    assert placeholders.placeholder(name).startswith(start)
    assert len({placeholders.placeholder(name), *placeholders.OTHERS}) >= len(placeholders.OTHERS)


def test_the_variable_that_an_error_complains_about_is_found_by_value_or_line() -> None:
    values = {"PAGES": "stand-in-pages", "RATE": "1"}
    assert (
        placeholders.refused(values, "invalid literal for int() with base 10: 'stand-in-pages'", "int(value)")
        == "PAGES"
    )
    assert placeholders.refused(values, "could not convert", "x = json.loads(os.environ['RATE'])") == "RATE"
    assert placeholders.refused(values, "no such table", "query()") is None


def test_a_value_too_short_to_be_known_again_is_not_found_in_a_number_of_the_message() -> None:
    values = {"RATE": "1", "PAGES": "stand-in-pages"}
    assert placeholders.refused(values, "invalid literal for int() with base 10: 'stand-in-pages'", "int(x)") == "PAGES"
