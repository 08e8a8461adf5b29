"""What is asked of a project whose settings are read."""

from pathlib import Path

from tests.unit.tasklib.detection.projects import MANAGE, project


def test_the_class_of_django_configurations_for_production_is_read(tmp_path: Path) -> None:
    chosen = "import os\nNAME = os.environ.get('DJANGO_CONFIGURATION', 'Local')\nif NAME == 'Local':\n    from site1.config.local import Local\nelif NAME == 'Production':\n    from site1.config.production import Production\n"
    common = "from configurations import Configuration\nclass {}(Configuration):\n    INSTALLED_APPS = []\n    ROOT_URLCONF = 'site1.urls'\n    DATABASES = {{'default': {{'ENGINE': 'django.db.backends.{}'}}}}\n"
    files = {
        "manage.py": MANAGE.replace("site1.settings", "site1.config"),
        "site1/settings.py": "",
        "site1/config/__init__.py": chosen,
        "site1/config/local.py": common.format("Local", "sqlite3"),
        "site1/config/production.py": common.format("Production", "mysql"),
    }
    assert project(tmp_path, files).database == "mysql"
