import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from dz.cli import main
from dz.settings import PROJECT_ROOT, settings
from dz.zoomdb.encryption import create_key_file

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


def test_help_shows_every_command_in_a_group_and_its_version(capsys) -> None:
    for word in ("--help", "-h"):
        assert main.run([word]) == 0
        shown = capsys.readouterr().out
        assert all(f"│ {name} " in shown for name in main.COMMANDS)
        assert all(panel in shown for panel in main.PANELS)
    assert {name for group in main.PANELS.values() for name in group} == set(main.COMMANDS)
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"dz {metadata.version('djangozoom')}\n"


@pytest.mark.parametrize("command", [name for name in main.COMMANDS if name not in {"test", "bench"}])
def test_every_command_explains_itself(command: str, capsys) -> None:
    assert main.run([command, "-h"]) == 0
    assert f"Usage: dz {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        ["projects"],
        ["versions", "polls"],
        ["variables", "polls"],
        ["config", "polls"],
        ["jobs"],
        ["job", "1", "--follow"],
        ["servers"],
        ["host", "polls", "www.example.org"],
        ["rollback", "polls"],
        ["deploy", "polls"],
        ["launch", "--resume", "1"],
    ],
)
@pytest.mark.parametrize("began", [True, False])
def test_a_stack_that_is_down_is_named_as_such(
    argv: list[str], tmp_path: Path, monkeypatch, capsys, *, began: bool
) -> None:
    if began:  # it was up once: its settings name a database server that does not run now
        known = {"zoomdb_url": "postgresql+psycopg2://127.0.0.1:1/zoomdb", "external": []}
        (tmp_path / "settings.json").write_text(json.dumps(known))
        create_key_file(tmp_path / "keys" / "zoomdb.key")
    monkeypatch.delenv("DZ_ZOOMDB_URL")
    settings.cache_clear()
    assert main.run(argv) == 1
    assert capsys.readouterr().err == (
        "Error: StackDown\n"
        f"  What was found: The local stack in {tmp_path} does not run.\n"
        "  What to do (operator): Start it: `dz up`.\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "DZ_TRUSTED_PROXIES",
            "10.0.0.0/99",
            "DZ_TRUSTED_PROXIES: '10.0.0.0/99' does not appear to be an IPv4 or IPv6",
        ),
        ("DZ_CAPACITY", "many", "DZ_CAPACITY: Input should be a valid integer"),
        ("DZ_INTERPRETERS", "/usr/bin/python3", "DZ_INTERPRETERS is not JSON"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str, said: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    assert main.run(["projects"]) == 1
    written = capsys.readouterr().err
    assert written.startswith("Error: InvalidSetting\n")
    assert said in written


def test_what_a_request_cannot_hold_is_refused_whole(monkeypatch, capsys) -> None:
    monkeypatch.setenv("DZ_GIT_HOSTS", '["git://127.0.0.1:1"]')
    settings.cache_clear()
    assert main.run(["launch", "git://127.0.0.1:1/" + "x" * 500]) == 1
    assert "url: String should have at most 500 characters." in capsys.readouterr().err
