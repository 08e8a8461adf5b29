"""Files that django-split-settings includes."""

from pathlib import Path

from dz.tasklib.detection.reader import assignments, literals, split_settings
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import evaluator

FILES = {
    "site1/settings.py": "",
    "site1/parts/a.py": "A = 1\nB = 1\n",
    "site1/parts/b.py": "B = 2\n",
    "site1/env/prod.py": "STAGE = 'prod'\n",
}


def test_files_run_in_order_in_the_scope_that_asks(tmp_path: Path) -> None:
    made, scope = evaluator(tmp_path, literals, assignments, files=FILES), {}
    split_settings.include(made, ["parts/*.py", UNKNOWN, "missing.py"], scope)
    assert scope == {"A": 1, "B": 2}
    assert made.path == "site1/settings.py"
    assert made.found.bases["B"] == "site1/parts/b.py:1"


def test_a_file_is_run_once(tmp_path: Path) -> None:
    made, scope = evaluator(tmp_path, literals, assignments, files=FILES), {}
    split_settings.include(made, ["parts/a.py"], scope)
    scope["A"] = 9
    split_settings.include(made, ["parts/a.py"], scope)
    assert scope["A"] == 9


def test_production_is_found_however_its_file_is_called(tmp_path: Path) -> None:
    made, scope = evaluator(tmp_path, literals, assignments, files=FILES), {}
    split_settings.include(made, ["env/production.py"], scope)
    assert scope == {"STAGE": "prod"}
