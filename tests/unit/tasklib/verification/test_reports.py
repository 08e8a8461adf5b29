"""The report of a run: read without trust, and turned into one error that names the cause."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dz.adapters.processes import Finished
from dz.errors import (
    DzError,
    MissingEnvironment,
    MissingLibrary,
    OutOfMemory,
    StaticFilesFailed,
    TimeLimitExceeded,
    UnsupportedDatabase,
    VerificationFailed,
)
from dz.tasklib.verification import reports

OK = Finished(("python",), 0, "", timed_out=False, seconds=1.0)
BAD = Finished(("python",), 1, "one\ntwo\n", timed_out=False, seconds=1.0)
LATE = Finished(("python",), -9, "waiting\n", timed_out=True, seconds=61.0)
LIMITED = replace(BAD, exceeded=OutOfMemory("It needed more.", "Need less."))


def test_a_report_is_a_plain_file_of_bounded_size_that_holds_an_object(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"ok": true}')
    assert reports.read(report) == {"ok": True}

    (tmp_path / "link.json").symlink_to(report)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    contents = {
        "list.json": "[1]",
        "half.json": '{"ok": tr',
        "deep.json": "[" * 100_000,
        "large.json": '{"ok": true}' + " " * reports.MAX_REPORT,
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    others = ("link.json", "pipe.json", "folder.json", "gone.json", *contents)
    assert [reports.read(tmp_path / name) for name in others] == [{}] * len(others)


@pytest.mark.parametrize(
    ("report", "done", "error", "words"),
    [
        ({"ok": True, "engine": "djongo"}, OK, UnsupportedDatabase, "engine is djongo"),
        ({"ok": True}, BAD, VerificationFailed, "(exit code 1) while it was loaded. Last lines:\none\ntwo"),
        ({}, OK, VerificationFailed, "(exit code 0)"),
        ({}, LATE, TimeLimitExceeded, "took longer than 61 s and was stopped. Last lines:\nwaiting"),
        ({}, LIMITED, OutOfMemory, "needed more"),
        ({"check_errors": ["E1", "E2"]}, BAD, VerificationFailed, "finds 2 errors:\nE1\nE2"),
    ],
)
def test_what_ended_a_run_is_told(report: dict[str, Any], done: Finished, error: type[DzError], words: str) -> None:
    with pytest.raises(error) as raised:
        reports.judge(report, done, unset=())
    assert words in raised.value.found


@pytest.mark.parametrize(
    ("report", "error", "found", "remedy"),
    [
        (
            {"type": "KeyError", "message": "'TOKEN'", "from_environ": True},
            MissingEnvironment,
            "shop/a.py:7 needs the environment variable TOKEN, which is not set",
            "`dz variables PROJECT --ask TOKEN --ask OTHER`",
        ),
        (
            {"type": "OSError", "message": "libgdal.so: cannot open"},
            MissingLibrary,
            "no GDAL/GEOS library (shop/a.py:7: libgdal.so: cannot open)",
            "libgdal-dev",
        ),
        (
            {"type": "OSError", "message": "no such bucket", "stage": "static"},
            StaticFilesFailed,
            "collectstatic failed at shop/a.py:7: OSError: no such bucket",
            "collectstatic = no",
        ),
        (
            {"type": "ModuleNotFoundError", "message": "No module named 'x'", "module": "x"},
            VerificationFailed,
            "ImportError at shop/a.py:7: No module named 'x'",
            "additional_python_path_dirs",
        ),
        (
            {"type": "SyntaxError", "message": "invalid syntax", "text": "print 1"},
            VerificationFailed,
            "shop/a.py:7 is not valid in this Python: invalid syntax: print 1",
            ".python-version",
        ),
        (
            {"type": "KeyError", "message": "'x'", "stage": "request"},
            VerificationFailed,
            "The project's first page fails: KeyError at shop/a.py:7: 'x'",
            "Correct the named line.",
        ),
        (
            {"type": "ValueError", "message": "no", "stage": "setup"},
            VerificationFailed,
            "The project's applications cannot be loaded: ValueError at shop/a.py:7: no",
            "Correct the named line.",
        ),
    ],
)
def test_an_error_of_the_project_is_told_with_its_place_and_what_to_do(
    report: dict[str, Any], error: type[DzError], found: str, remedy: str
) -> None:
    with pytest.raises(error) as raised:
        reports.judge({"error": {"file": "shop/a.py", "line": 7, **report}}, BAD, unset=["TOKEN", "OTHER"])
    assert found in raised.value.found
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    ("error", "message", "variable"),
    [
        ({"from_environ": True}, "'TOKEN'", "TOKEN"),
        ({"from_environ": True}, "'not a name'", None),
        ({"type": "UndefinedValueError"}, "API_KEY not found.", "API_KEY"),
        ({"type": "ImproperlyConfigured"}, "Set the SITE_URL environment variable", "SITE_URL"),
        ({"type": "ImproperlyConfigured"}, "The SECRET_KEY setting must not be empty", None),
        ({"type": "EnvError"}, "OK, set it", None),
        ({"type": "RuntimeError", "stage": "settings"}, "PAY_KEY must be set in production.", "PAY_KEY"),
        ({"type": "ValueError", "stage": "settings"}, "PAY_KEY is required", "PAY_KEY"),
        ({"type": "RuntimeError", "stage": "request"}, "PAY_KEY must be set in production.", None),
        ({"type": "RuntimeError", "stage": "settings"}, "One of PAY_KEY and PAY_FILE is required", None),
    ],
)
def test_a_variable_is_named_only_where_the_error_is_about_the_environment(
    error: dict[str, Any], message: str, variable: str | None
) -> None:
    assert reports.missing_variable(error, message) == variable


def test_what_loads_but_loses_data_or_runs_on_another_database_is_warned_of() -> None:
    report = {"warnings": ["one"], "engine": "django.db.backends.mysql", "sqlite_aliases": ["logs", 3]}
    assert reports.warnings(report) == [
        "one",
        "The project is written for django.db.backends.mysql; it runs on PostgreSQL here. SQL written by hand may not.",
        "The database 'logs' is an SQLite file; what is written there is lost with each version.",
        "The database '' is an SQLite file; what is written there is lost with each version.",
    ]


@given(st.text(max_size=30) | st.from_regex(r"/[a-z./]{0,10}/?", fullmatch=True) | st.none() | st.integers())
@example("/a/../b/")
@example("/a//b/")
@example("/a")
def test_a_url_path_that_nginx_is_given_can_neither_climb_nor_end_its_line(value: Any) -> None:
    found = reports.url_path(value)
    if found is not None:
        assert found == value
        assert found.startswith("/")
        assert found.endswith("/")
        assert ".." not in found
        assert "//" not in found
        assert not set(found) & set(" \n;{}\"'\\$#")


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_ERROR = st.dictionaries(st.sampled_from(("stage", "type", "message", "file", "line", "text", "module")), _ANY)


@given(st.dictionaries(st.sampled_from(("ok", "engine", "check_errors", "warnings")), _ANY), _ANY | _ERROR)
def test_whatever_a_project_reports_is_passed_or_an_error_of_ours(report: dict[str, Any], error: Any) -> None:
    try:
        reports.judge({**report, "error": error}, OK, unset=())
    except DzError as raised:
        found = raised.found
    else:
        found = ""
        assert report.get("ok") is True
    assert all(letter.isprintable() or letter == "\n" for letter in found)
    assert all(isinstance(one, str) for one in reports.warnings(report))


def test_a_committed_database_is_offered_with_its_fullest_tables() -> None:
    found = reports.data({"file": "data/db.sqlite3", "rows": {"a": 1, "shop_item": 40, "b": "x", "c": -1}})
    assert found is not None
    assert found.counts == (("shop_item", 40), ("a", 1))
    assert found.offer(said_yes=False).startswith("data/db.sqlite3 holds 41 rows (shop_item 40, a 1). The site gets")
    assert "`dz deploy --with-data`" in found.offer(said_yes=False)
    assert found.offer(said_yes=True).endswith("into which they are copied once its tables are made.")


@pytest.mark.parametrize(
    "value", [None, [], {"file": "../x", "rows": {"a": 1}}, {"file": "x.db", "rows": {}}, {"rows": 3}]
)
def test_a_database_that_a_report_does_not_describe_is_none(value: object) -> None:
    assert reports.data(value) is None


def test_paths_of_a_report_stay_below_the_source() -> None:
    listed = ["logs/", "a.log", "/etc/passwd", "../x", "a/../b", "./c", "", 3, "a\\b", "a//b"]
    assert reports.own_paths(listed) == ("logs/", "a.log")
    assert reports.page_paths(["/api/", "//evil", "api", "/a b", "/x\n"]) == ("/api/",)
