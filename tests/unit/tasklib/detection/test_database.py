"""Which database the production settings expect."""

from pathlib import Path

import pytest

from tests.unit.tasklib.detection.projects import read


@pytest.mark.parametrize(
    ("body", "database"),
    [
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.mysql'}}", "mysql"),
        ("import dj_database_url\nDATABASES = {'default': dj_database_url.config()}", "any"),
        (
            (
                "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n"
                "if os.getenv('REPLICA'):\n    DATABASES['replica'] = {'ENGINE': 'django.db.backends.postgresql'}"
            ),
            "postgres",
        ),
        (
            (
                "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}\n"
                "if os.getenv('PG'):\n    DATABASES['default']['ENGINE'] = 'django.db.backends.postgresql'"
            ),
            "any",
        ),
    ],
)
def test_the_database_is_what_production_expects(tmp_path: Path, body: str, database: str) -> None:
    assert read(tmp_path, body).database == database


def test_geodjango_is_seen(tmp_path: Path) -> None:
    assert read(tmp_path, "DATABASES = {'default': {'ENGINE': 'django.contrib.gis.db.backends.postgis'}}").gis
