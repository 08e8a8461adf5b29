"""What a report of a run proves; nothing is run here."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.adapters.processes import Finished
from dz.tasklib.proof import verdicts

OK = Finished(("python",), 0, "", timed_out=False, seconds=1.0)
BAD = Finished(("python",), 1, "", timed_out=False, seconds=1.0)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"stage": "settings", "type": "ModuleNotFoundError", "module": "gone", "message": "No module"}, "conflicting"),
        ({"stage": "settings", "type": "KeyError", "from_environ": True, "message": "'TOKEN'"}, "read"),
        ({"stage": "request", "type": "ConnectionError", "chain": ["ConnectionError"], "message": "redis"}, "read"),
        ({"stage": "request", "type": "ValueError", "message": "Missing staticfiles manifest entry for 'a'"}, "read"),
        ({"stage": "setup", "type": "OSError", "message": "libx.so: cannot open shared object file"}, "read"),
        ({"stage": "request", "type": "KeyError", "message": "'x'", "file": "a/urls.py", "line": 3}, "conflicting"),
    ],
)
def test_only_what_contradicts_the_guesses_is_conflicting(error: dict[str, object], outcome: str) -> None:
    found = verdicts.judge({"ok": False, "error": error}, BAD)
    assert (found.outcome, found.stage) == (outcome, error["stage"])


@pytest.mark.parametrize(
    ("django", "python", "warnings", "open_"),
    [
        ("1.11.29", (3, 11, 2), [], True),
        ("1.11.29", (3, 6, 9), [], False),
        ("5.2.1", (3, 11, 2), [], False),
        ("5.2.1", (3, 11, 2), ["The project prefers Python 3.6; 3.11.2 was used."], True),
        ("", (3, 11, 2), [], False),
    ],
)
def test_a_failure_in_a_python_that_it_was_not_written_for_contradicts_nothing(
    django: str, python: tuple[int, int, int], warnings: list[str], *, open_: bool
) -> None:
    assert bool(verdicts.wrong_python(django, python, warnings)) == open_


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = ("ok", "error", "answer", "django_version", "engine", "check_errors", "secret_key", "warnings")
_REPORT = st.dictionaries(st.sampled_from(_KEYS), _ANY | st.dictionaries(
    st.sampled_from(("stage", "type", "message", "chain", "file", "line", "text", "status", "database")), _ANY))  # fmt: skip


@given(_REPORT, st.sampled_from((OK, BAD)))
def test_whatever_a_project_reports_is_short_plain_text(report: dict[str, object], done: Finished) -> None:
    found = verdicts.judge(report, done)
    assert found.outcome in ("proved", "read", "conflicting")
    assert found.outcome != "proved" or (report.get("ok") is True and done.ok)
    texts = (found.happened, found.error, found.django_version, found.engine, found.stage)
    assert all(len(text) <= 300 and (text.isprintable()) for text in texts)


@pytest.mark.parametrize(
    ("report", "happened"),
    [
        ({"answer": {"status": 200}}, "the application loads and answers GET / with 200"),
        ({"answer": {"status": 404}}, "the application loads and answers; it has no page at /"),
        (
            {"answer": {"status": 500, "database": True}},
            "the application loads; its first page reads the database, which is not there yet",
        ),
        (
            {"answer": {"status": 302}, "secret_key": False},
            "the application loads and answers GET / with 302; it has no secret key of its own, the platform gives it one",
        ),
    ],
)
def test_an_answer_of_the_first_page_proves_it_and_is_told(report: dict[str, Any], happened: str) -> None:
    found = verdicts.judge({"ok": True, **report}, OK)
    assert (found.outcome, found.stage, found.happened) == ("proved", "answered", happened)


def test_a_first_page_that_answers_with_an_error_of_its_own_is_conflicting() -> None:
    found = verdicts.judge({"ok": False, "answer": {"status": 503}}, BAD)
    assert (found.outcome, found.stage, found.status) == ("conflicting", "request", 503)
    assert found.happened == "its first page answers 503"


@pytest.mark.parametrize(
    ("report", "required_files", "outcome", "stage"),
    [
        ({"check_errors": ["admin.E408"]}, (), "conflicting", "check"),
        (
            {"error": {"stage": "settings", "type": "FileNotFoundError", "message": "x"}},
            ("x.json",),
            "read",
            "settings",
        ),
        (
            {"error": {"stage": "setup", "type": "FileNotFoundError", "message": "x"}},
            ("x.json",),
            "conflicting",
            "setup",
        ),
        ({"engine": "djongo"}, (), "conflicting", "settings"),
        ({"error": {"type": "OSError", "message": "Could not find the GDAL library"}}, (), "read", "settings"),
    ],
)
def test_a_failure_is_the_projects_only_if_it_cannot_be_this_servers(
    report: dict[str, Any], required_files: tuple[str, ...], outcome: str, stage: str
) -> None:
    found = verdicts.judge(report, BAD, required_files=required_files)
    assert (found.outcome, found.stage) == (outcome, stage)


def test_a_run_whose_time_was_over_contradicts_nothing() -> None:
    late = Finished(("python",), -9, "", timed_out=True, seconds=120.0)
    found = verdicts.judge({}, late)
    assert (found.outcome, found.error) == ("read", "Timeout")


def test_the_version_of_django_is_read_from_the_virtualenv_whatever_its_name_looks_like(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    assert verdicts.installed_django(tmp_path) == ""
    (packages / "django_extensions-4.1.dist-info").mkdir()
    (packages / "Django-1.11.29.dist-info").mkdir()
    assert verdicts.installed_django(tmp_path) == "1.11.29"
    (packages / "Django-1.11.29.dist-info").rename(packages / "django-5.2; rm.dist-info")
    assert verdicts.installed_django(tmp_path) == ""


def test_what_happened_is_told_on_one_short_line() -> None:
    assert verdicts.short(" a\n\tb\x1b[2J ") == "a b[2J"
    long = verdicts.short("x" * 400)
    assert (len(long), long[-1]) == (verdicts.SHOWN, "…")
