"""Values of variables do not leave in error texts."""

import pytest

from dz.errors import HookFailed, VerificationFailed
from dz.tasklib.variables.redaction import hide, hide_in, redacted


def test_a_value_that_a_project_prints_is_hidden_in_error_and_traceback() -> None:
    with pytest.raises(VerificationFailed) as raised, redacted(["sk_live_12345", "yes"]):
        raise VerificationFailed("invalid literal for int(): 'sk_live_12345', yes", "Correct it.")
    assert raised.value.found == "invalid literal for int(): '[hidden]', yes"
    assert raised.value.__suppress_context__  # a traceback would show the first error, too


def test_an_error_without_a_value_is_the_same_error() -> None:
    error = HookFailed("migrate failed", "Correct it.")
    with pytest.raises(HookFailed) as raised, redacted(["sk_live_12345"]):
        raise error
    assert raised.value is error


def test_a_value_that_holds_another_is_hidden_whole() -> None:
    assert hide("postgres://u:secret99@h/db", ["secret99", "postgres://u:secret99@h/db"]) == "[hidden]"


KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END KEY-----\n"


@pytest.mark.parametrize("text", [f"no key: {KEY}", f"no key: {KEY!r}", "at kiG9w0BAQEFAASC", f"no key: {KEY[:30]}"])
def test_no_line_of_a_value_is_shown_nor_its_beginning_where_a_text_was_cut(text: str) -> None:
    shown = hide(text, [KEY])
    assert "[hidden]" in shown
    assert "MII" not in shown
    assert "kiG" not in shown


def test_texts_anywhere_in_a_report_are_hidden_and_all_else_stays() -> None:
    report = {"line": 3, "chain": ["ValueError"], "message": "bad sk_live_12345", "none": None}
    assert hide_in(report, ["sk_live_12345"]) == {**report, "message": "bad [hidden]"}
