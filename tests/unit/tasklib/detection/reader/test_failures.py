"""Calls that fail because a variable is not set."""

import pytest

from dz.tasklib.detection.reader import failures
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import UNKNOWN
from dz.tasklib.detection.reader.variables import Variables


def asked(name: str, default: str | None) -> tuple[Variables, object]:
    variables = Variables()
    return variables, variables.ask(name, default)


def test_a_conversion_of_an_unset_variable_names_it() -> None:
    variables, value = asked("PORT", None)
    with pytest.raises(Failure) as caught:
        failures.call(variables, int, [value], {})
    assert (caught.value.names, caught.value.kind) == ({"PORT"}, "TypeError")


def test_a_conversion_of_an_empty_default_names_the_variable() -> None:
    variables, value = asked("PORT", "")
    with pytest.raises(Failure) as caught:
        failures.call(variables, int, [value], {})
    assert (caught.value.names, caught.value.kind) == ({"PORT"}, "ValueError")


def test_what_fails_for_another_reason_is_unknown() -> None:
    variables, value = asked("PORT", "eighty")
    assert failures.call(variables, int, [value], {}) is UNKNOWN
    assert failures.call(variables, {}.__getitem__, ["a"], {}) is UNKNOWN
