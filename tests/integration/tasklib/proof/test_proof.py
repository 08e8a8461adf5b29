"""What follows from all attempts at a repository."""

from pathlib import Path

from tests import PROJECTS
from tests.integration.tasklib.proof.proving import Prove, primary


def test_a_project_whose_first_page_reads_the_database_is_proved_and_that_is_said(
    prove: Prove, build_server: Path
) -> None:
    made, found = prove("sqlite_single")
    assert made.outcome == "proved"
    assert "reads the database" in made.happened
    settings = primary(found, "settings_module")
    assert (settings.proof, settings.happened) == ("proved", made.happened)
    assert primary(found, "wsgi").proof == "proved"
    assert primary(found, "dependency_files").proof == "proved"
    assert primary(found, "django_version").happened.startswith("Django 5.2.")
    assert primary(found, "database").proof == "proved"
    assert not list((build_server / "proofs").glob("proof-*/.new-*")), "the environment is thrown away"
    assert (build_server / "proofs" / "caches" / "k").is_dir(), "the cache is kept"


def test_two_projects_that_both_load_conflict_and_both_are_shown(prove: Prove) -> None:
    made, found = prove("two_candidates")
    assert made.outcome == "conflicting"
    assert {attempt.settings_module: attempt.outcome for attempt in made.attempts} == {
        "blogsite.settings": "proved",
        "storesite.settings": "proved",
    }
    assert found.ambiguous


def test_of_two_projects_the_only_one_that_loads_is_taken(prove: Prove) -> None:
    made, found = prove(
        "two_candidates",
        files={
            "blog/blogsite/settings.py": "import nothing_like_it\n"
            + (PROJECTS / "two_candidates/blog/blogsite/settings.py").read_text()
        },
    )
    assert made.outcome == "proved"
    assert (found.settings_module, found.project_root, found.wsgi) == (
        "storesite.settings",
        "store",
        "storesite.wsgi:application",
    )
    assert not found.ambiguous
    assert primary(found, "settings_module").value == "storesite.settings"
    other = next(g for g in found.guesses if g.value == "blogsite.settings")
    assert (other.is_primary, other.proof) == (False, "conflicting")
    assert "nothing_like_it" in other.happened


def test_settings_for_development_never_take_the_place_of_broken_production_settings(prove: Prove) -> None:
    own = (
        (PROJECTS / "sqlite_single/mysite/settings.py")
        .read_text()
        .replace("__file__).resolve()", "__file__).resolve().parent")
    )
    files = {
        "mysite/settings/__init__.py": "",
        "mysite/settings/dev.py": own,
        "mysite/settings/production.py": "import gone\n" + own,
    }
    tree = {
        "mysite/wsgi.py": (PROJECTS / "sqlite_single/mysite/wsgi.py")
        .read_text()
        .replace("mysite.settings", "mysite.settings.production")
    }
    made, found = prove("sqlite_single", files={**files, **tree, "mysite/settings.py": ""})
    assert made.outcome == "conflicting"
    assert found.settings_module == "mysite.settings.production"
    assert {attempt.settings_module for attempt in made.attempts if attempt.outcome == "proved"} == {
        "mysite.settings.dev"
    }
    assert "mysite.settings.dev loads" in made.happened
