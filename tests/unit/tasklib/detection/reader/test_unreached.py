"""Reads in code that an import does not reach."""

from pathlib import Path

from dz.tasklib.detection.reader import attributes, calls, functions, imports, literals, statements, unreached
from tests.unit.tasklib.detection.projects import read
from tests.unit.tasklib.detection.reader.parts import evaluator

TEXT = """import os
def later():
    return os.environ['LATER']
if DEBUG:
    os.getenv('DEVELOPMENT')
else:
    os.getenv('DEPLOYED')
if not DEBUG:
    os.getenv('DEPLOYED_TOO')
lookup['NOT_A_VARIABLE']
"""


def test_they_are_known_and_not_required(tmp_path: Path) -> None:
    parts = (literals, attributes, calls, functions, imports, statements)
    made = evaluator(tmp_path, *parts, files={"site1/__init__.py": "", "site1/settings.py": TEXT})
    imports.load(made, "site1.settings")
    assert not made.variables.read
    unreached.read(made)
    assert set(made.variables.read) == {"LATER", "DEPLOYED", "DEPLOYED_TOO"}
    assert made.variables.read["LATER"] == "site1/settings.py:3"
    assert not made.variables.required


def test_names_below_a_prefix_are_not_asked_for_without_it(tmp_path: Path) -> None:
    body = "from environs import Env\nenv = Env()\nwith env.prefixed('APP_'):\n    PORT = env.int('PORT', 3)\n"
    assert read(tmp_path, f"SECRET_KEY = 'x'\n{body}").env_needed == ("APP_PORT",)
