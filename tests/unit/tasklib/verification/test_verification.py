"""What a build gives a project before anybody knows its real values."""

from dataclasses import replace

from dz.tasklib.verification import verification
from tests.manifests import PLAN


def test_placeholders_reach_nothing_and_the_configuration_wins_over_them() -> None:
    plan = replace(
        PLAN,
        platform_variables=(("DB_HOST", "database_host"), ("SITE", "site_url"), ("MODE", "=production")),
        build_variables=(("NODE_ENV", "x"), ("DEBUG", "0"), ("SITE", "https://example.org")),
    )
    found = verification.placeholder_variables(plan)
    assert (found["DATABASE_URL"], found["CONFIG_PG_PORT"]) == ("postgres://nobody:nothing@127.0.0.1:1/nowhere", "1")
    assert (found["DB_HOST"], found["MODE"]) == ("127.0.0.1", "production")
    assert (found["NODE_ENV"], found["DEBUG"], found["SITE"]) == ("x", "0", "https://example.org")
    assert found["SECRET_KEY"] == found["DJANGO_SECRET_KEY"]
    assert len(found["SECRET_KEY"]) > 50, "Django's checks take it for a real one"


def test_modules_are_found_in_the_projects_folders_each_once_and_after_the_platforms() -> None:
    plan = replace(PLAN, project_root="src/", additional_python_path_dirs=("src/../apps", "src", "."))
    assert verification.search_path(plan) == ["dz", "src/src", "src/apps", "src"]
    assert verification.search_path(PLAN) == ["dz", "src"]
