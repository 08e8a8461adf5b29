"""The variables that a release runs with: who wins, and what a release keeps."""

from dataclasses import replace

import pytest

from dz.errors import StackProblem
from dz.tasklib.databases import Credentials
from dz.tasklib.variables import of_release, stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Release
from tests.conftest import make_release
from tests.manifests import MANIFEST, PLAN

CREDENTIALS = Credentials("site_db", "site_user", "p/w", "10.0.0.5", 5433, "db-1")


def _variables(zoomdb: Zoomdb, release: int) -> dict[str, str]:
    return of_release.variables_of(
        zoomdb,
        release,
        credentials=CREDENTIALS,
        hosts=["www.example.org", "site.localhost"],
        origins=["https://www.example.org", "http://site.localhost"],
        static_url="/s/",
        media_root="/srv/media",
    )


def test_a_site_gets_the_usual_names_and_the_platforms_own(zoomdb: Zoomdb) -> None:
    release = make_release(zoomdb)
    secret = stored.ensure_secret_key(zoomdb, _project(zoomdb, release))
    assert _variables(zoomdb, release) == {
        "DATABASE_URL": "postgres://site_user:p%2Fw@10.0.0.5:5433/site_db",
        "SECRET_KEY": secret,
        "DJANGO_SECRET_KEY": secret,
        "ALLOWED_HOSTS": "www.example.org,site.localhost",
        "DJANGO_ALLOWED_HOSTS": "www.example.org,site.localhost",
        "DEBUG": "False",
        "DJANGO_DEBUG": "False",
        "CONFIG_PG_DBNAME": "site_db",
        "CONFIG_PG_USER": "site_user",
        "CONFIG_PG_PASSWORD": "p/w",
        "CONFIG_PG_HOST": "10.0.0.5",
        "CONFIG_PG_PORT": "5433",
        "DZ_ALLOWED_HOSTS": "www.example.org,site.localhost",
        "DZ_CSRF_TRUSTED_ORIGINS": "https://www.example.org,http://site.localhost",
        "DZ_STATIC_URL": "/s/",
        "DZ_MEDIA_ROOT": "/srv/media",
        "DZ_PROJECT_SETTINGS_MODULE": "mysite.settings",
        "DJANGO_SETTINGS_MODULE": "dz_settings",
    }


def test_an_owner_wins_over_the_usual_names_and_over_what_is_filled_in_but_never_over_the_platform(
    zoomdb: Zoomdb,
) -> None:
    plan = replace(PLAN, platform_variables=(("DB_NAME", "database_name"), ("SITE", "host"), ("DEBUG", "debug_number")))
    owner = {
        "DATABASE_URL": "postgres://elsewhere/db",
        "SITE": "of the owner",
        "TOKEN": "t",
        "DJANGO_SETTINGS_MODULE": "evil.settings",
        "DZ_MEDIA_ROOT": "/",
        "CONFIG_PG_HOST": "elsewhere",
    }
    found = _variables(zoomdb, make_release(zoomdb, replace(MANIFEST, plan=plan), variables=owner))
    assert (found["DATABASE_URL"], found["SITE"], found["TOKEN"]) == ("postgres://elsewhere/db", "of the owner", "t")
    assert (found["DB_NAME"], found["DEBUG"]) == ("site_db", "0"), "the project's own name for it wins"
    assert (found["DJANGO_SETTINGS_MODULE"], found["DZ_MEDIA_ROOT"]) == ("dz_settings", "/srv/media")
    assert found["CONFIG_PG_HOST"] == "10.0.0.5"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DJANGO_SECRET_KEY"])
def test_a_secret_key_of_the_owner_is_the_one_under_every_name(zoomdb: Zoomdb, name: str) -> None:
    plan = replace(PLAN, platform_variables=(("APP_SECRET", "secret_key"),))
    release = make_release(zoomdb, replace(MANIFEST, plan=plan), variables={name: "mine"})
    found = _variables(zoomdb, release)
    assert [found[key] for key in ("SECRET_KEY", "DJANGO_SECRET_KEY", "APP_SECRET")] == ["mine"] * 3
    assert stored.of_project(zoomdb, _project(zoomdb, release)) == {}, "none is made"


def test_a_release_keeps_the_variables_that_it_was_made_with(zoomdb: Zoomdb) -> None:
    release = make_release(zoomdb, variables={"TOKEN": "old"})
    stored.put(zoomdb, _project(zoomdb, release), {"TOKEN": "new", "MORE": "x"})
    found = _variables(zoomdb, release)
    assert found["TOKEN"] == "old"
    assert "MORE" not in found


def test_what_a_release_keeps_is_not_readable_and_opens_for_no_other_project(zoomdb: Zoomdb) -> None:
    sealed = of_release.seal(zoomdb, 1, {"TOKEN": "sk_live_12345"})
    assert b"sk_live" not in sealed
    assert of_release.unseal(zoomdb, 1, sealed) == {"TOKEN": "sk_live_12345"}
    with pytest.raises(StackProblem, match="cannot be decrypted"):
        of_release.unseal(zoomdb, 2, sealed)


def _project(zoomdb: Zoomdb, release: int) -> int:
    with zoomdb.session() as session:
        return session.get_one(Release, release).project_id
