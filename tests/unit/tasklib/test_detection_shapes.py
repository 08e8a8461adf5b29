"""Detection on tests/projects/*/expected.json: each says what is to be read from its tiny repository."""

import json
from pathlib import Path
from typing import Any

import pytest

from dz.tasklib.detection import Variable, inspect

PROJECTS = Path(__file__).parents[2] / "projects"
CASES = sorted(path.parent.name for path in PROJECTS.glob("*/expected.json"))


def spelled(variable: Variable) -> str:
    return f"{variable.supply}:{variable.fills}" if variable.fills else variable.supply


def read(case: str, expected: dict[str, Any]) -> dict[str, Any]:
    found = inspect(PROJECTS / case)
    values = json.loads(json.dumps(found.to_json(), default=str))
    values["env_required"] = sorted(values["env_required"])
    values["risks"] = [risk.kind for risk in found.risks]
    wanted = expected.get("environment", {})
    values["environment"] = {one.name: spelled(one) for one in found.environment if one.name in wanted}
    return {field: values[field] for field in expected}


@pytest.mark.parametrize("case", CASES)
def test_a_repository_of_this_shape_is_read_as_it_says(case: str) -> None:
    expected = json.loads((PROJECTS / case / "expected.json").read_text())
    assert read(case, expected) == expected


@pytest.mark.parametrize("case", CASES)
def test_every_guess_says_where_it_was_read(case: str) -> None:
    for guess in inspect(PROJECTS / case).guesses:
        path, _, line = guess.basis.rpartition(":")
        assert line.isdigit(), guess
        assert path == "GeoDjango" or (PROJECTS / case / path).is_file(), guess
