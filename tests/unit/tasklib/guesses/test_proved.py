"""What a proof makes of guesses; nothing is run here."""

from dataclasses import replace

from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Guess, Inspection, Variable
from dz.tasklib.guesses.proved import applied, merged
from dz.tasklib.proof.attempts import Attempt
from dz.tasklib.proof.proof import Proof
from tests.manifests import PLAN

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


def plan(module: str = "a.settings") -> Plan:
    return replace(
        PLAN, django_settings_module=module, base_python_package="a", wsgi="a.wsgi:application", dependency_files=()
    )


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
