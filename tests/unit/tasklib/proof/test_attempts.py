"""What people are told of one candidate."""

from dataclasses import replace

from dz.tasklib.proof.attempts import Attempt
from tests.manifests import PLAN


def test_what_is_told_has_names_of_variables_and_places_and_no_values() -> None:
    plan = replace(PLAN, use_asgi=True, build_variables=(("NODE_ENV", "value"),))
    attempt = Attempt(
        plan,
        "proved",
        "answered",
        "the application loads",
        status=200,
        missing=(("TOKEN", "a.py:1"),),
        stood_in=("TOKEN",),
        python="3.11.2",
        django_version="5.2.19",
        engine="django.db.backends.sqlite3",
    )
    assert attempt.to_json() == {
        "settings_module": "mysite.settings",
        "project_root": ".",
        "application": "asgi",
        "outcome": "proved",
        "stage": "answered",
        "happened": "the application loads",
        "status": 200,
        "error": "",
        "python": "3.11.2",
        "django_version": "5.2.19",
        "engine": "django.db.backends.sqlite3",
        "missing": ["TOKEN"],
        "stood_in": ["TOKEN"],
    }
