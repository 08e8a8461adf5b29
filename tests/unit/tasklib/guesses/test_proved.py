"""What a proof makes of guesses; nothing is run here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.adapters.processes import Finished
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Guess, Inspection, Variable
from dz.tasklib.guesses.proved import applied, merged
from dz.tasklib.proof import verdicts
from dz.tasklib.proof.attempts import Attempt
from dz.tasklib.proof.proof import Proof
from dz.tasklib.variables import placeholders

INSPECTION = Inspection(
    is_django=True,
    project_root=".",
    settings_module="a.settings",
    wsgi="a.wsgi:application",
    env_required=("TOKEN", "OTHER"),
    environment=tuple(
        Variable(name, "a/settings.py:1", required=True, default=None, is_secret=True, supply="ask")
        for name in ("TOKEN", "OTHER")
    ),
    database="any",
    guesses=(
        Guess("settings_module", "a.settings", "manage.py:3"),
        Guess("settings_module", "a.live", "a/live.py:1", is_primary=False),
        Guess("wsgi", "a.wsgi:application", "a/wsgi.py:3"),
        Guess("database", "any", "a/settings.py:9"),
        Guess("django_version", ">=4", "requirements.txt:1"),
        Guess("python_version", ">=3.10", "pyproject.toml:3"),
        Guess("env_required", "TOKEN", "a/settings.py:1"),
        Guess("env_required", "OTHER", "a/settings.py:2"),
    ),
)
OK = Finished(("python",), 0, "", timed_out=False, seconds=1.0)
BAD = Finished(("python",), 1, "", timed_out=False, seconds=1.0)


def plan(module: str = "a.settings") -> Plan:
    return Plan(
        "A", "https://example.org/a.git", ".", module, "a", "a.wsgi:application", None, use_asgi=False, python_version=None,
        python_version_basis="", package_manager="pip", dependency_files=(),
    )  # fmt: skip


def attempt(outcome: str, stage: str = "answered", module: str = "a.settings", **more: object) -> Attempt:
    return Attempt(plan(module), outcome, stage, "it said so", **more)  # type: ignore[arg-type]


def one(found: Inspection, field: str, value: object = None) -> Guess:
    return next(g for g in found.guesses if g.field == field and (g.value == value or (value is None and g.is_primary)))


def test_what_was_proved_keeps_what_was_written_and_says_what_was_used() -> None:
    done = attempt("proved", python="3.11.2", django_version="5.2.1", engine="django.db.backends.postgresql")
    found = merged(INSPECTION, Proof("proved", "fine", (done,), done))
    assert (one(found, "django_version").value, one(found, "django_version").happened) == (
        ">=4",
        "Django 5.2.1 was installed",
    )
    assert (one(found, "python_version").proof, one(found, "database").proof) == ("proved", "proved")
    assert one(found, "settings_module").proof == one(found, "wsgi").proof == "proved"


def test_the_only_other_candidate_that_loads_becomes_primary_and_the_conflict_is_shown() -> None:
    first, second = attempt("conflicting", "settings"), attempt("proved", module="a.live")
    found = merged(INSPECTION, Proof("conflicting", "x", (first, second), second))
    assert found.settings_module == one(found, "settings_module").value == "a.live"
    assert one(found, "settings_module", "a.settings").proof == "conflicting"
    assert not one(found, "settings_module", "a.settings").is_primary


def test_a_database_that_the_loaded_settings_contradict_is_replaced() -> None:
    done = attempt("proved", engine="django.db.backends.mysql")
    inspection = Inspection(
        is_django=True, project_root=".", settings_module="a.settings", database="sqlite",
        guesses=(Guess("database", "sqlite", "a:1"),),
    )  # fmt: skip
    found = merged(inspection, Proof("proved", "x", (done,), done))
    assert found.database == "mysql"
    assert (one(found, "database", "sqlite").proof, one(found, "database").proof) == ("conflicting", "proved")


def test_variables_are_required_only_as_far_as_it_failed_without_them() -> None:
    done = attempt("proved", missing=(("NEW", "a/urls.py:4"), ("TOKEN", "a/settings.py:1")), unneeded=("OTHER",))
    found = merged(INSPECTION, Proof("proved", "x", (done,), done))
    assert found.env_required == ("NEW", "TOKEN")
    assert (one(found, "env_required", "OTHER").proof, one(found, "env_required", "OTHER").is_primary) == (
        "conflicting",
        False,
    )
    assert one(found, "env_required", "NEW").basis == "a/urls.py:4"
    required = {variable.name: variable.required for variable in found.environment}
    assert required == {"TOKEN": True, "OTHER": False, "NEW": True}
    assert found.environment[-1].basis == "a/urls.py:4"
    fresh = applied(INSPECTION, found.guesses, ambiguous=False)
    assert (fresh.env_required, fresh.environment) == (found.env_required, found.environment)


def test_without_a_run_the_settings_say_why() -> None:
    found = merged(INSPECTION, Proof("read", "it is written for Python 2, which no server here has"))
    assert (one(found, "settings_module").proof, "Python 2" in one(found, "settings_module").happened) == ("read", True)


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
    ("name", "start"),
    [
        ("STRIPE_SECRET_KEY", ""),
        ("REDIS_URL", "redis://"),
        ("SENTRY_DSN", "https://"),
        ("EMAIL_HOST_USER", "nobody@"),
        ("SMTP_PORT", "1"),
        ("USE_TLS", "False"),
        ("SHOP_NAME", "stand-in"),
    ],
)
def test_a_stand_in_is_of_the_kind_that_the_name_says(name: str, start: str) -> None:
    assert placeholders.placeholder(name).startswith(start)
    assert len({placeholders.placeholder(name), *placeholders.OTHERS}) >= len(placeholders.OTHERS)


def test_the_variable_that_an_error_complains_about_is_found_by_value_or_line() -> None:
    values = {"PAGES": "stand-in-pages", "RATE": "1"}
    assert (
        placeholders.refused(values, "invalid literal for int() with base 10: 'stand-in-pages'", "int(value)")
        == "PAGES"
    )
    assert placeholders.refused(values, "could not convert", "x = json.loads(os.environ['RATE'])") == "RATE"
    assert placeholders.refused(values, "no such table", "query()") is None
