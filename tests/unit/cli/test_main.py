import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dz.cli import main
from dz.settings import PROJECT_ROOT

REMEDY = "Check that its PostgreSQL runs and that this server can reach it; `dz status` shows the local one."


pytestmark = pytest.mark.usefixtures("nobody_answers")


def test_an_error_is_a_headline_what_was_found_and_what_to_do_on_stderr(capsys) -> None:
    assert main.run(["projects"]) == 1

    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == (
        "Error: ServiceUnavailable\n"
        "  What was found: zoomdb, the platform's database, does not answer.\n"
        f"  What to do (operator): {REMEDY}\n"
    )


def test_with_json_an_error_is_one_object_on_stdout(capsys) -> None:
    assert main.run(["projects", "--json"]) == 1

    written = capsys.readouterr()
    assert json.loads(written.out)["error"] == {
        "code": "ServiceUnavailable",
        "actor": "operator",
        "found": "zoomdb, the platform's database, does not answer.",
        "remedy": REMEDY,
    }


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["job", "zero"], "Invalid value for 'N'"),
        (["jobs", "--limit", "0"], "--limit"),
        (["deploy", "polls", "--set", "NAME"], "write NAME=VALUE"),
        (["rollback"], "Missing argument 'project'"),
        (["servers", "--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_arguments_are_named_and_exit_with_2(argv: list[str], text: str, capsys) -> None:
    assert main.run(argv) == 2
    assert text in capsys.readouterr().err

    assert main.run([*argv, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "WrongArguments"
    assert text in error["found"]


def test_an_error_that_nobody_foresaw_keeps_its_traceback_in_a_file(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setitem(main.COMMANDS, "broken", "dz.cli.no_such_module")

    assert main.run(["broken"]) == 2

    written = capsys.readouterr()
    (kept,) = (tmp_path / "logs").iterdir()
    assert str(kept) in written.err
    assert "Traceback" not in written.err
    assert "No module named 'dz.cli.no_such_module'" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_inspect_starts_without_prefect_and_database_code() -> None:
    code = (
        "import sys; from dz.cli import main; main.application('inspect');"
        "sys.exit(', '.join({'prefect', 'sqlalchemy', 'alembic'} & set(sys.modules)) or 0)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
