"""What a deploy could lose, read from a tree."""

from pathlib import Path

from dz.tasklib.detection import inspect

SETTINGS = """
INSTALLED_APPS = []
ROOT_URLCONF = "site1.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""


def test_a_database_of_another_project_beside_is_no_risk_of_this_one(tmp_path: Path) -> None:
    project, beside = tmp_path / "backend", tmp_path / "backend2"
    (project / "site1").mkdir(parents=True)
    beside.mkdir()
    (project / "manage.py").write_text("import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n")
    (project / "site1" / "__init__.py").write_text("")
    (project / "site1" / "settings.py").write_text(SETTINGS)
    (beside / "db.sqlite3").write_bytes(b"x")
    assert "sqlite_data" not in {risk.kind for risk in inspect(tmp_path).risks}
    (project / "db.sqlite3").write_bytes(b"x")
    assert "sqlite_data" in {risk.kind for risk in inspect(tmp_path).risks}
