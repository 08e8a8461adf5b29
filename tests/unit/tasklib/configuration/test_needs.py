"""What a project needs that cannot be given to it."""

from dataclasses import replace
from pathlib import Path

import pytest

from dz.errors import MissingLibrary, UnsupportedDatabase
from dz.tasklib import detection
from dz.tasklib.configuration import needs
from dz.tasklib.detection import Inspection
from tests import PROJECTS

MYSQL = """
import os
SECRET_KEY = os.environ["SECRET_KEY"]
INSTALLED_APPS = []
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": os.environ["SHOP_DB"]}}
"""


@pytest.fixture
def mysql(tmp_path: Path) -> Inspection:
    files = {"manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'}
    files |= {"shop/__init__.py": "", "shop/settings.py": MYSQL, "requirements.txt": "Django\nmysqlclient\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return detection.inspect(tmp_path)


def test_a_database_that_is_not_offered_is_the_owners_matter_until_a_configuration_decides(mysql: Inspection) -> None:
    error = needs.unmet(mysql, chosen=[])
    assert isinstance(error, UnsupportedDatabase)
    assert error.actor == "project owner"
    assert error.found == (
        "The project is written for MySQL (shop/settings.py:6), which is not offered: every site gets a PostgreSQL database."
    )
    assert "database_type = postgresql" in error.remedy
    assert needs.unmet(mysql, chosen=["database_type"]) is None


def test_libraries_that_are_not_there_are_the_operators_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    found = detection.inspect(PROJECTS / "geodjango")
    monkeypatch.setattr(needs, "missing_libraries", lambda: ["GDAL", "GEOS"])
    error = needs.unmet(found, chosen=[])
    assert isinstance(error, MissingLibrary)
    assert error.actor == "operator"
    assert "lacks GDAL and GEOS" in error.found
    assert needs.unmet(found, chosen=[], variables=["GDAL_LIBRARY_PATH"]) is None
    monkeypatch.setattr(needs, "missing_libraries", list)
    assert needs.unmet(found, chosen=[]) is None


def test_a_project_without_such_needs_has_none_unmet() -> None:
    found = detection.inspect(PROJECTS / "sqlite_single")
    assert needs.unmet(found, chosen=[]) is None
    assert needs.unmet(replace(found, database="any"), chosen=[]) is None
