"""A launch at a terminal: what is asked, what is typed unseen, what is said where nobody can be asked."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer

from dz.cli import confirmation, launch, main
from dz.errors import ConfirmationMissing
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.configuration import confirmed
from dz.tasklib.detection import Guess
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.launches import launches
from dz.tasklib.launches.launches import LaunchView
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind

ANSWER = {
    "project": "shop",
    "project_root": "src",
    "django_settings_module": "shop.settings",
    "use_asgi": False,
    "hooks": ["migrate"],
    "processes": 2,
}
WANTED = [
    {"name": "PAY_KEY", "basis": "settings.py:3", "secret": True, "random": False, "required": True},
    {"name": "MAIL_FROM", "basis": "settings.py:4", "secret": False, "random": False, "required": True},
    {"name": "SALT", "basis": "settings.py:5", "secret": True, "random": True, "required": True},
]


@pytest.fixture(autouse=True)
def here(zoomdb: Zoomdb, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DZ_ZOOMDB_URL", zoomdb.url)
    monkeypatch.setenv("DZ_ENCRYPTION_KEY_FILE", str(key_file))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def waiting(zoomdb: Zoomdb) -> tuple[JobView, LaunchView]:
    """A launch of `shop` that waits at its first form."""
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    job = jobs.open_job(zoomdb, JobKind.LAUNCH, params={}, project_id=project.id)
    launches.open_launch(zoomdb, job, seconds=100)
    check = launches.check_job(zoomdb, job, params={})
    modules = [Guess("settings_module", "shop.settings", "manage.py:9", proof="proved")]
    modules += [Guess("settings_module", "shop.local", "local.py:1", is_primary=False)]
    rows.save(zoomdb, check or 0, modules)
    jobs.set_result(zoomdb, job, form=1, wanted=WANTED, reasons=["PAY_KEY is not set; settings.py:3 reads it."])
    view = launches.set_form(zoomdb, job, ANSWER, ["hooks: 'migrat' is no management command."], seconds=100)
    jobs.wait(zoomdb, job)
    found = jobs.get(zoomdb, job)
    assert found
    return found, view


def _types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> list[dict[str, Any]]:
    """Type these lines; returns how each was asked for."""
    left, asked = list(lines), []

    def prompt(text: str, **options: Any) -> str:
        asked.append({"text": text, **options})
        return left.pop(0)

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    return asked


def test_secrets_are_typed_unseen_and_are_in_no_answer(zoomdb: Zoomdb, waiting, monkeypatch, capsys) -> None:
    job, view = waiting
    monkeypatch.setattr("dz.cli.confirmation.hidden", lambda name: f"unseen {name}")
    asked = _types(monkeypatch, "shop@example.org", "")
    answer = confirmation.asked(zoomdb, job, view)
    assert answer == {**ANSWER, "variable_MAIL_FROM": "shop@example.org"}
    assert stored.of_project(zoomdb, projects.find(zoomdb, "shop").id) == {"PAY_KEY": "unseen PAY_KEY"}
    assert asked[0]["text"] == "Value of MAIL_FROM (settings.py:4)"
    shown = capsys.readouterr().err
    assert "hooks: 'migrat' is no management command." in shown
    assert "manage.py:9" in shown
    assert "proved" in shown
    assert "shop.local" in shown  # the other candidate


def test_each_line_can_be_changed_and_keeps_its_type(zoomdb: Zoomdb, waiting, monkeypatch) -> None:
    job, view = waiting
    stored.put(zoomdb, projects.find(zoomdb, "shop").id, {"PAY_KEY": "x", "MAIL_FROM": "y"})
    rows = ["project", *confirmation.KEYS]
    number = {name: str(rows.index(name) + 1) for name in rows}
    _types(
        monkeypatch,
        *(number["use_asgi"], "perhaps", "yes"),
        *(number["hooks"], "migrate, createcachetable"),
        *(number["processes"], "three", "3"),
        *(number["django_settings_module"], "shop.prod"),
        *("99", ""),
    )
    changed = {"use_asgi": True, "hooks": ["migrate", "createcachetable"], "processes": 3}
    answer = confirmation.asked(zoomdb, job, view)
    assert answer == {**ANSWER, **changed, "django_settings_module": "shop.prod"}


def test_a_person_can_leave_the_form_waiting(zoomdb: Zoomdb, waiting, monkeypatch) -> None:
    job, view = waiting
    stored.put(zoomdb, projects.find(zoomdb, "shop").id, {"PAY_KEY": "x", "MAIL_FROM": "y"})
    _types(monkeypatch, "q")
    with pytest.raises(ConfirmationMissing, match="still waits"):
        confirmation.asked(zoomdb, job, view)


def test_where_nobody_can_be_asked_what_is_missing_is_named_with_the_command_that_gives_it(
    zoomdb: Zoomdb, waiting
) -> None:
    job, view = waiting
    with pytest.raises(ConfirmationMissing) as raised:
        launch._unasked(zoomdb, job, view, yes=True)
    assert "PAY_KEY is not set" in raised.value.found
    assert "`dz variables shop --ask PAY_KEY`" in raised.value.remedy
    assert f"--resume {job.id} --yes --set MAIL_FROM=VALUE`" in raised.value.remedy
    assert "PAY_KEY=" not in raised.value.remedy  # a shell would remember it
    stored.put(zoomdb, projects.find(zoomdb, "shop").id, {"PAY_KEY": "x", "MAIL_FROM": "y"})
    assert launch._unasked(zoomdb, job, view, yes=True) == ANSWER
    with pytest.raises(ConfirmationMissing):
        launch._unasked(zoomdb, job, view, yes=False)


def test_a_launch_needs_one_of_url_and_job(capsys) -> None:
    assert main.run(["launch", "--json"]) == 2
    assert main.run(["launch", "https://example.org/x.git", "--resume", "3", "--json"]) == 2
    assert main.run(["launch", "--resume", "3", "--json"]) == 1
    assert "no launch of that number" in capsys.readouterr().out


def test_variables_go_in_from_stdin_and_only_their_names_come_out(zoomdb: Zoomdb, monkeypatch, capsys) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    monkeypatch.setattr("sys.stdin", io.StringIO("one secret\nanother\n"))
    assert main.run(["variables", "shop", "--ask", "A_KEY", "--ask", "B_KEY", "--set", "C=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["variables"] == ["A_KEY", "B_KEY", "C"]
    assert stored.of_project(zoomdb, project.id) == {"A_KEY": "one secret", "B_KEY": "another", "C": "3"}
    assert main.run(["variables", "shop", "--unset", "B_KEY"]) == 0
    written = capsys.readouterr()
    assert "A_KEY" in written.out
    assert "B_KEY" not in written.out
    assert "secret" not in written.out + written.err
    assert main.run(["variables", "shop", "--ask", "D_KEY", "--json"]) == 1  # stdin is at its end
    assert main.run(["variables", "shop", "--set", "PATH=x", "--json"]) == 1


def test_configurations_are_exported_by_number(zoomdb: Zoomdb, capsys) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    assert main.run(["config", "shop", "--json"]) == 1
    for text in ("[project]\ntitle = One\n", "[project]\ntitle = Two\n", "[project]\ntitle = Two\n"):
        confirmed.store(zoomdb, project.id, text)
    capsys.readouterr()
    assert main.run(["config", "shop"]) == 0
    assert capsys.readouterr().out == "[project]\ntitle = Two\n"
    assert main.run(["config", "shop", "--version", "1"]) == 0
    assert capsys.readouterr().out == "[project]\ntitle = One\n"
    assert main.run(["config", "shop", "--version", "3", "--json"]) == 1
    assert "kept are: 2, 1" in capsys.readouterr().out
