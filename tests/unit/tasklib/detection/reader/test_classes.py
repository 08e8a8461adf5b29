"""Which class statements are followed."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, classes, literals
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.pydantic_settings import Fields
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import evaluator, run


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, assignments, classes)


def test_a_class_of_pydantic_settings_has_fields(made: Evaluator) -> None:
    names = run(made, "class A(pydantic_settings.BaseSettings):\n    x: str\nclass B(A):\n    y: str")
    assert isinstance(names["B"], Fields)
    assert list(names["B"].names) == ["x", "y"]


def test_a_class_of_django_configurations_is_a_namespace(made: Evaluator) -> None:
    names = run(made, "class Base(Configuration):\n    X = 1\nclass Prod(Base):\n    Y = 2")
    assert (names["Prod"]["X"], names["Prod"]["Y"]) == (1, 2)
    assert set(made.found.configurations) == {"Base", "Prod"}


def test_any_other_class_is_unknown(made: Evaluator) -> None:
    assert run(made, "class A:\n    X = 1")["A"] is UNKNOWN
