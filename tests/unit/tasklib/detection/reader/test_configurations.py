"""Values of django-configurations."""

import ast
from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, configurations, literals
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN, Native, UrlDatabase
from tests.unit.tasklib.detection.reader.parts import evaluator


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    made = evaluator(tmp_path, literals, assignments)
    made.target = "COLOUR"
    return made


@pytest.mark.parametrize(
    ("kind", "given", "variable"),
    [
        ("Value", {}, "DJANGO_COLOUR"),
        ("Value", {"environ_prefix": None}, "COLOUR"),
        ("Value", {"environ_prefix": "SHOP"}, "SHOP_COLOUR"),
        ("Value", {"environ_name": "TINT"}, "DJANGO_TINT"),
        ("EmailURLValue", {}, "EMAIL_URL"),
    ],
)
def test_a_value_is_read_by_the_name_that_it_is_assigned_to(
    made: Evaluator, kind: str, given: dict[str, str], variable: str
) -> None:
    assert configurations.value(made, Native(f"values.{kind}"), ["blue"], given) == "blue"
    assert list(made.variables.read) == [variable]
    assert not made.variables.required


def test_a_secret_is_required(made: Evaluator) -> None:
    assert configurations.value(made, Native("values.SecretValue"), [], {}) is UNKNOWN
    assert list(made.variables.required) == ["DJANGO_COLOUR"]


def test_a_database_is_decided_by_its_url(made: Evaluator) -> None:
    assert isinstance(configurations.value(made, Native("values.DatabaseURLValue"), [], {}), UrlDatabase)
    assert list(made.variables.read) == ["DATABASE_URL"]


def test_a_class_inherits_settings_and_leaves_methods_out(made: Evaluator) -> None:
    node = ast.parse("class Prod(Base):\n    Y = 2\n    def setup(self): pass").body[0]
    found = configurations.namespace(made, node, {}, [{"X": 1, "Y": 1}])
    assert {name: found[name] for name in ("X", "Y")} == {"X": 1, "Y": 2}
    assert "setup" not in found
