"""Variables that a repository gives to its web process."""

from pathlib import Path

from dz.tasklib.detection.web.environment import variables
from tests.unit.tasklib.detection.projects import tree


def test_variables_are_read_wherever_platforms_have_them(tmp_path: Path) -> None:
    files = {
        ".env.example": "A=1 # why\nexport B='two words'\nSHELL_ONE=$HOME\n",
        ".env.dev": "DEV=1\n",
        "Dockerfile": 'ENV C=1 \\\n    D="a b"\nENV E 5\n',
        "compose.yml": "services:\n  web:\n    environment:\n      - F=1\n      - G\n  b:\n    environment: {H: 2}\n",
        "app.json": '{"env": {"I": {"description": "x", "value": "3"}, "J": "4"}}',
        "render.yaml": "services:\n  - type: web\n    envVars:\n      - key: K\n        value: 4\n",
        "fly.toml": "[env]\nL = '5'\n",
    }
    found = {name: value for name, (value, _) in variables(tree(tmp_path, files)).items()}
    expected = {
        "A": "1",
        "B": "two words",
        "C": "1",
        "D": "a b",
        "E": "5",
        "F": "1",
        "H": "2",
        "I": "3",
        "J": "4",
        "K": "4",
        "L": "5",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert not {"SHELL_ONE", "DEV", "G"} & found.keys()


def test_each_has_the_line_that_it_was_read_from(tmp_path: Path) -> None:
    assert variables(tree(tmp_path, {"Dockerfile": "FROM x\nENV A=1\n"}))["A"] == ("1", "Dockerfile:2")
