"""Fields of pydantic-settings are variables."""

import ast
from pathlib import Path

import pytest

from dz.tasklib.detection.reader import calls, literals, pydantic_settings
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN, Scope
from tests.unit.tasklib.detection.reader.parts import evaluator


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, calls, files={"kept.env": "TOKEN=set\n"})


def instance(made: Evaluator, body: str, scope: Scope | None = None, **given: object) -> Scope:
    node = ast.parse(f"class S(BaseSettings):\n{body}").body[0]
    return pydantic_settings.instance(made, pydantic_settings.fields(made, node, scope or {}, []), given)


def test_a_field_without_a_default_is_required(made: Evaluator) -> None:
    found = instance(made, "    token: str\n    colour: str = 'blue'\n    size: ClassVar[int]")
    assert (found["token"], found["colour"]) == (UNKNOWN, "blue")
    assert made.variables.required == {"TOKEN": "site1/settings.py:2"}
    assert set(made.variables.read) == {"TOKEN", "COLOUR", "SIZE"}


@pytest.mark.parametrize(
    ("body", "variable"),
    [
        ("    token: str = Field(alias='KEY')", "KEY"),
        ("    token: str = Field(..., env='KEY')", "KEY"),
        ("    token: str\n    model_config = SettingsConfigDict(env_prefix='shop_')", "SHOP_TOKEN"),
        ("    token: str\n    class Config:\n        env_prefix = 'SHOP_'", "SHOP_TOKEN"),
    ],
)
def test_a_field_is_read_by_its_alias_or_with_the_prefix(made: Evaluator, body: str, variable: str) -> None:
    instance(made, body)
    assert list(made.variables.required) == [variable]


def test_what_the_call_or_a_committed_file_gives_is_not_required(made: Evaluator) -> None:
    assert instance(made, "    size: int\n", size=3)["size"] == 3
    instance(made, "    token: str\n", _env_file="./kept.env")
    assert not made.variables.required


def test_a_default_may_be_made_by_a_function(made: Evaluator) -> None:
    assert instance(made, "    hosts: list = Field(default_factory=list)")["hosts"] == []


def test_settings_inside_settings_are_an_object(made: Evaluator) -> None:
    inner = {"__name__": "settings", "host": "db"}
    assert instance(made, "    db: object = made", {"made": inner})["db"] is inner
