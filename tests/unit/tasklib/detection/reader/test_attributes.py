"""Attributes and elements."""

from pathlib import Path, PurePosixPath

import pytest

from dz.tasklib.detection.reader import attributes, literals
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import ENVIRON, evaluator, value

SCOPE = {
    "base": {"__name__": "base", "COLOUR": "blue"},
    "plain": {"COLOUR": "blue"},
    "path": PurePosixPath("/shop/settings.py"),
    "items": ["a", "b"],
    "environ": ENVIRON,
    "nothing": None,
}


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, attributes)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("base.COLOUR", "blue"),
        ("base.OTHER", UNKNOWN),
        ("plain.COLOUR", UNKNOWN),
        ("path.parent.name", "shop"),
        ("path.open", UNKNOWN),
        ("items.__class__", UNKNOWN),
        ("items[1]", "b"),
        ("items[9]", UNKNOWN),
        ("items[0:1]", UNKNOWN),
        ("plain['COLOUR']", "blue"),
        ("plain[unknown]", UNKNOWN),
    ],
)
def test_a_part_of_a_value_is_read(made: Evaluator, text: str, wanted: object) -> None:
    assert value(made, text, SCOPE) == wanted


def test_an_element_of_the_environment_is_required(made: Evaluator) -> None:
    assert value(made, "environ['NAME']", SCOPE) is UNKNOWN
    assert list(made.variables.required) == ["NAME"]


def test_an_element_of_an_unset_variable_makes_it_required(made: Evaluator) -> None:
    made.variables.ask("NAME")
    scope = {**SCOPE}
    made.found.origins.note(scope, "nothing", {"NAME"})
    assert value(made, "nothing[0]", scope) is UNKNOWN
    assert list(made.variables.required) == ["NAME"]
