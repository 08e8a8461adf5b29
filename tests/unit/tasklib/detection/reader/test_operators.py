"""Operators and comparisons."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import attributes, literals, operators
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import ENVIRON, evaluator, value


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, operators, attributes)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 if yes else 2", 1),
        ("1 if unknown else 2", UNKNOWN),
        ("not yes", False),
        ("-3", -3),
        ("~3", UNKNOWN),
        ("'a' + 'b'", "ab"),
        ("'' or 'b'", "b"),
        ("unknown or 'b'", "b"),
        ("unknown or ''", UNKNOWN),
        ("unknown and ''", ""),
        ("1 < 2", True),
        ("1 < 2 < 3", UNKNOWN),
        ("'a' in ['a', unknown]", UNKNOWN),
        ("'a' in ['a', 'b']", True),
        ("unknown == 'a'", UNKNOWN),
        ("none is None", True),
    ],
)
def test_an_operation_has_its_value(made: Evaluator, text: str, wanted: object) -> None:
    assert value(made, text, {"yes": True, "none": None, "unknown": UNKNOWN}) == wanted


def test_a_variable_is_in_the_environment_if_somebody_set_it(made: Evaluator) -> None:
    assert value(made, "'NAME' in environ", {"environ": ENVIRON}) is False
    assert value(made, "'NAME' not in environ", {"environ": ENVIRON}) is True
    assert list(made.variables.read) == ["NAME"]


def test_an_unset_variable_that_names_the_environment_says_production(made: Evaluator) -> None:
    scope = {"ENV": made.variables.ask("APP_ENV"), "COLOUR": made.variables.ask("COLOUR")}
    for name, variable in (("ENV", "APP_ENV"), ("COLOUR", "COLOUR")):
        made.found.origins.note(scope, name, {variable})
    assert value(made, "ENV == 'live'", scope) is True
    assert value(made, "ENV == 'dev'", scope) is False
    assert value(made, "(ENV or 'dev') == 'prod'", scope) is True
    assert value(made, "COLOUR == 'live'", scope) is False
    assert made.variables.stages == {"APP_ENV": "live"}


def test_an_operation_on_an_unset_variable_makes_it_required(made: Evaluator) -> None:
    scope = {"URL": made.variables.ask("URL")}
    made.found.origins.note(scope, "URL", {"URL"})
    assert value(made, "URL + '/path'", scope) is UNKNOWN
    assert list(made.variables.required) == ["URL"]
