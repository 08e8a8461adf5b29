"""Committed files of variables."""

from pathlib import Path, PurePosixPath

import pytest

from dz.tasklib.detection.reader import dotenv
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import evaluator

FILES = {
    ".env": "A=1\nexport B=2\n# C=3\nnot a name=4\n",
    "site1/.env": "D=5\n",
    "kept/web.env": "E=6\n",
    "settings.ini": "[settings]\nF = 7\n",
    "site1/settings.ini": "no section\n",
}


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ([], {"A", "B", "D"}),
        (["kept/web.env"], {"E"}),
        ([PurePosixPath("/kept/web.env")], {"E"}),
        ([UNKNOWN], {"A", "B", "D"}),
        (["missing.env"], set()),
    ],
)
def test_the_names_of_a_file_are_set(tmp_path: Path, args: list[object], names: set[str]) -> None:
    made = evaluator(tmp_path, files=FILES)
    dotenv.read(made, args)
    assert made.variables.dotenv == names


def test_settings_ini_is_found_beside_the_project_and_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    made = evaluator(tmp_path, files=FILES)
    dotenv.read_ini(made)
    assert made.variables.dotenv == {"F"}
