"""Reads of variables that nobody has set."""

from dz.tasklib.detection.reader.values import MISSING, UNKNOWN
from dz.tasklib.detection.reader.variables import Variables


def test_an_unset_variable_gives_its_default_or_nothing() -> None:
    variables = Variables()
    assert variables.ask("A", "blue") == "blue"
    assert variables.ask("B") is None
    assert variables.ask("C", strict=True) is MISSING
    assert variables.defaults == {"A": "blue"}
    assert variables.without_default == {"B", "C"}


def test_a_variable_that_a_file_or_the_settings_set_is_not_missing() -> None:
    variables = Variables()
    variables.dotenv.add("A")
    variables.given["B"] = "set"
    assert variables.ask("A", strict=True) is UNKNOWN
    assert variables.ask("B", strict=True) == "set"
    assert variables.ask("HOME", strict=True) is UNKNOWN
    assert list(variables.read) == ["A"]


def test_a_name_that_is_no_text_is_no_read() -> None:
    variables = Variables()
    assert variables.ask(UNKNOWN) is UNKNOWN
    assert variables.ask("not a name") is UNKNOWN
    assert not variables.read


def test_the_first_place_that_needs_a_variable_is_kept() -> None:
    variables = Variables()
    variables.basis = "a.py:1"
    variables.ask("A")
    variables.basis = "a.py:9"
    variables.require({"A", "B"})
    assert variables.required == {"A": "a.py:1", "B": "a.py:9"}


def test_only_touched_variables_that_may_be_empty_are_to_blame() -> None:
    variables = Variables()
    variables.ask("A", "x")
    variables.ask("B", "")
    assert variables.causes() == {"B"}
    variables.touched = set()
    assert variables.causes() == set()
