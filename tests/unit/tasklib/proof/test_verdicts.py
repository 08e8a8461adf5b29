"""What a report of a run proves; nothing is run here."""

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
