"""What the platform puts into variables that a project names in its own way."""

import json

import pytest

from dz.tasklib.databases import Credentials
from dz.tasklib.variables.platform import platform_variables

HOSTS = ("www.example.org", "site.localhost")
ORIGINS = ("https://www.example.org", "http://site.localhost")


def filled(fills: str, database_type: str = "postgresql", hosts: tuple[str, ...] = HOSTS) -> str | None:
    return platform_variables(
        [("NAME", fills)],
        credentials=Credentials("d", "u", "p w", "10.0.0.5", 5433, "db-1"),
        database_type=database_type,
        secret="s3cret",
        hosts=hosts,
        origins=ORIGINS[: len(hosts)],
        media_root="/srv/media",
    ).get("NAME")


@pytest.mark.parametrize(
    ("fills", "value"),
    [
        ("database_url", "postgres://u:p%20w@10.0.0.5:5433/d"),
        ("database_name", "d"),
        ("database_user", "u"),
        ("database_password", "p w"),
        ("database_host", "10.0.0.5"),
        ("database_port", "5433"),
        ("database_engine", "django.db.backends.postgresql"),
        ("secret_key", "s3cret"),
        ("debug", "False"),
        ("debug_number", "0"),
        ("debug_flag", ""),
        ("media_root", "/srv/media"),
        ("host", "www.example.org"),
        ("hosts", "www.example.org,site.localhost"),
        ("origins", "https://www.example.org,http://site.localhost"),
        ("site_url", "https://www.example.org"),
        ("=production", "production"),
        ("=", ""),
        ("of_a_later_release", None),
    ],
)
def test_a_name_is_filled_with_what_the_project_uses_it_for(fills: str, value: str | None) -> None:
    assert filled(fills) == value


def test_lists_are_filled_as_json_where_the_project_reads_json() -> None:
    assert json.loads(filled("hosts_json") or "") == list(HOSTS)
    assert json.loads(filled("origins_json") or "") == list(ORIGINS)


def test_a_database_with_maps_has_the_engine_for_them() -> None:
    assert filled("database_engine", "postgresql-gis") == "django.contrib.gis.db.backends.postgis"


def test_a_site_without_a_host_name_gets_empty_texts() -> None:
    assert [filled(fills, hosts=()) for fills in ("host", "hosts", "hosts_json", "site_url")] == ["", "", "[]", ""]
