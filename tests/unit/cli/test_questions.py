import pytest

from dz.cli import questions
from dz.errors import AmbiguousProject, MissingEnvironment
from dz.tasklib.configuration import zoombuild
from dz.tasklib.detection.model import Guess, Variable


def settings_guess(value: str, *, primary: bool = False) -> Guess:
    return Guess("settings_module", value, f"{value.split('.', maxsplit=1)[0]}/wsgi.py:6", is_primary=primary)


TWO = [settings_guess("shop.settings", primary=True), settings_guess("blog.settings")]


def test_one_candidate_needs_no_configuration() -> None:
    assert questions.config_for([settings_guess("a.settings", primary=True)], ambiguous=False, ask=False) is None


def test_without_a_terminal_the_primary_is_taken_and_the_others_are_named(capsys) -> None:
    assert questions.config_for(TWO, ambiguous=False, ask=False) is None
    written = capsys.readouterr()
    assert "settings_module: shop.settings" in written.err
    assert "other candidates: blog.settings (blog/wsgi.py:6)" in written.err
    assert written.out == ""


def test_an_ambiguous_project_gets_a_configuration_that_chooses() -> None:
    guesses = [*TWO, Guess("project_root", "shop", "shop/manage.py:1")]
    text = questions.config_for(guesses, ambiguous=True, ask=False)
    assert text is not None
    assert zoombuild.parse(text).values == {"project_root": "shop", "django_settings_module": "shop.settings"}


def test_without_any_candidate_the_owner_must_say() -> None:
    with pytest.raises(AmbiguousProject, match="no settings module could be found"):
        questions.config_for([], ambiguous=True, ask=False)


def test_a_person_chooses_by_number(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    answers = iter([7, 2])
    monkeypatch.setattr("typer.prompt", lambda *args, **options: next(answers))
    text = questions.config_for(TWO, ambiguous=False, ask=True)
    assert text is not None
    assert zoombuild.parse(text).values == {"django_settings_module": "blog.settings"}
    assert "2. blog.settings" in capsys.readouterr().err


def test_variables_of_the_platform_and_of_the_owner_are_not_missing() -> None:
    needed = ("SECRET_KEY", "DATABASE_URL", "MAIL_TOKEN", "SITE_NAME", "REGION")
    guesses = [Guess("env_required", name, "settings.py:3") for name in needed]
    assert questions.missing_variables(guesses, ["REGION"]) == ["MAIL_TOKEN", "SITE_NAME"]
    assert questions.missing_variables([Guess("env_required", list(needed), "settings.py:3")], []) == [
        "MAIL_TOKEN",
        "SITE_NAME",
        "REGION",
    ]


def test_the_platform_fills_what_it_can_under_the_projects_own_names() -> None:
    rows = [Variable("SHOP_DB", "s.py:3", required=True, supply="platform", fills="database_name"),
            Variable("JWT_SECRET", "s.py:4", supply="generate"), Variable("THEME", "s.py:5", supply="default")]  # fmt: skip
    guesses = [Guess("environment", one.to_json(), one.basis) for one in rows]
    guesses += [Guess("env_required", name, "s.py:3") for name in ("SHOP_DB", "STRIPE_KEY")]
    assert questions.missing_variables(guesses, []) == ["JWT_SECRET", "STRIPE_KEY"]


def test_secrets_are_generated_anew_and_never_shown(capsys) -> None:
    first = questions.values_for(["HASHID_SALT", "FIELD_ENCRYPTION_KEY", "JWT_SECRET"], ask=False)
    second = questions.values_for(["HASHID_SALT", "FIELD_ENCRYPTION_KEY", "JWT_SECRET"], ask=False)

    assert set(first) == {"HASHID_SALT", "FIELD_ENCRYPTION_KEY", "JWT_SECRET"}
    assert all(len(value) >= 40 for value in first.values())
    assert len({*first.values(), *second.values()}) == 6
    written = capsys.readouterr()
    assert not any(value in written.err + written.out for value in first.values())


def test_other_values_must_be_given_when_nobody_can_be_asked() -> None:
    with pytest.raises(MissingEnvironment) as caught:
        questions.values_for(["SITE_NAME", "COOKIE_SECRET", "MAIL_TOKEN"], ask=False)
    assert "SITE_NAME, MAIL_TOKEN" in caught.value.found
    assert "--set SITE_NAME=VALUE --set MAIL_TOKEN=VALUE" in caught.value.remedy


def test_other_values_are_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dz.cli.typed.prompted", lambda name, *, hide: f"{'unseen' if hide else 'seen'} {name}")
    asked = questions.values_for(["SITE_NAME", "STRIPE_API_KEY"], ask=True)
    assert asked == {"SITE_NAME": "seen SITE_NAME", "STRIPE_API_KEY": "unseen STRIPE_API_KEY"}
