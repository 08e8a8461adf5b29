import json
from pathlib import Path

import pytest

from dz.cli import main
from tests import ROOT

PROJECTS = ROOT / "tests" / "projects"


def test_a_work_tree_is_read_without_zoomdb_or_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["inspect", str(PROJECTS / "sqlite_single")]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if len(line.split()) > 1)
    assert lines["settings_module"] == "mysite.settings"
    assert lines["is_django"] == "True"


def test_with_json_it_is_one_object_with_every_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["inspect", str(PROJECTS / "sqlite_single"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings_module"] == "mysite.settings"
    assert {guess["field"] for guess in found["guesses"]} >= {"settings_module"}


def test_what_is_no_django_project_ends_with_1_and_what_is_no_folder_with_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main.run(["inspect", str(PROJECTS / "not_django"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["is_django"] is False
    assert main.run(["inspect", str(tmp_path / "none")]) == 2
    assert f"{tmp_path}/none is not a folder." in capsys.readouterr().err
