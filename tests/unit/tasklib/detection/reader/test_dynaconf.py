"""Settings that dynaconf fills."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import dynaconf
from dz.tasklib.detection.reader.values import Native
from tests.unit.tasklib.detection.projects import tree
from tests.unit.tasklib.detection.reader.parts import evaluator


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "settings.toml",
            "[default]\nsize = 1\ncolour = 'red'\n[production]\ncolour = 'blue'\n[development]\nsize = 9\n",
        ),
        ("settings.yaml", "default: {size: 1, colour: red}\nproduction: {colour: blue}\ndevelopment: {size: 9}\n"),
        ("settings.json", '{"size": 1, "colour": "blue"}'),
    ],
)
def test_the_files_are_read_for_production(tmp_path: Path, name: str, text: str) -> None:
    assert dynaconf.settings(tree(tmp_path, {name: text}), [""]) == {"SIZE": 1, "COLOUR": "blue"}


@pytest.mark.parametrize("text", ["{broken", "[1, 2]", "3"])
def test_a_broken_file_says_nothing(tmp_path: Path, text: str) -> None:
    assert dynaconf.settings(tree(tmp_path, {"settings.json": text}), [""]) == {}


def test_every_key_is_also_a_variable(tmp_path: Path) -> None:
    made = evaluator(tmp_path, files={"settings.json": '{"colour": "blue"}'})
    made.loaded[made.path] = scope = {}
    check = dynaconf.validator(made, Native("Validator"), ["TOKEN", "COLOUR"], {"must_exist": True})
    dynaconf.fill(made, Native("dynaconf"), [], {"envvar_prefix": "SHOP", "validators": [check]})
    assert scope == {"COLOUR": "blue"}
    assert made.variables.defaults["SHOP_COLOUR"] == "blue"
    assert made.found.origins.of(scope, "SECRET_KEY") == {"SHOP_SECRET_KEY"}
    assert list(made.variables.required) == ["SHOP_TOKEN"]
