"""Values of variables do not leave in error texts."""

import pytest

from dz.errors import HookFailed, VerificationFailed
from dz.tasklib.redaction import hide, redacted


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
