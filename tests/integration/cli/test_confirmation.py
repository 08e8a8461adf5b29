"""The form at a terminal: what is asked, and what is typed unseen."""

import pytest
import typer

from dz.cli import confirmation
from dz.errors import ConfirmationMissing
from dz.tasklib import projects
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from tests.integration.cli.forms import ANSWER


def _types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Type these lines where the form asks what to do."""
    left = list(lines)
    monkeypatch.setattr(typer, "prompt", lambda text, **options: left.pop(0))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)


def test_secrets_are_typed_unseen_and_are_in_no_answer(zoomdb: Zoomdb, waiting, monkeypatch, capsys) -> None:
    job, view = waiting
    monkeypatch.setattr("dz.cli.typed.hidden", lambda names: {name: f"unseen {name}" for name in names})
    reasons = {}

    def prompted(name: str, *, why: str) -> str:
        reasons[name] = why
        return "shop@example.org"

    monkeypatch.setattr("dz.cli.typed.prompted", prompted)
    _types(monkeypatch, "")
    answer = confirmation.asked(zoomdb, job, view)
    assert answer == {**ANSWER, "variable_MAIL_FROM": "shop@example.org"}
    assert stored.of_project(zoomdb, projects.find(zoomdb, "shop").id) == {"PAY_KEY": "unseen PAY_KEY"}
    assert reasons == {"MAIL_FROM": "settings.py:4"}
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
