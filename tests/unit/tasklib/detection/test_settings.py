"""Which settings module a production deploy uses."""

from pathlib import Path

import pytest

from dz.tasklib.detection import inspect
from tests.unit.tasklib.detection.projects import ENTRY, MANAGE, SETTINGS, project, write


def test_settings_that_only_workers_use_are_not_those_of_the_site(tmp_path: Path) -> None:
    files = {
        "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
        "worker/__init__.py": "",
        "worker/settings.py": "from site1.settings import *\nCELERY_BROKER_URL = 'redis://'\nDEBUG = False\n",
        "worker/wsgi.py": ENTRY.format("wsgi", "worker.settings"),
        "worker/asgi.py": ENTRY.format("asgi", "worker.settings"),
        "worker/celery.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'worker.settings')\n",
        "docker-compose.yml": "services:\n  web:\n    command: gunicorn site1.wsgi:application -b 0.0.0.0:8000\n",
    }
    found = project(tmp_path, files)
    assert found.settings_module == "site1.settings"
    assert found.wsgi == "site1.wsgi:application"


def test_names_taken_from_a_function_do_not_make_production_settings_unclear(tmp_path: Path) -> None:
    files = {
        "site1/settings.py": "from site1.settings_shared import *\n",
        "site1/settings_shared.py": "INSTALLED_APPS = []\nDEBUG = True\nSECRET_KEY = 'x'\n",
        "site1/settings_production.py": (
            "from site1.settings_shared import *\nfrom ours import common\nDEBUG = False\nlocals().update(common(base=1))\n"
        ),
    }
    found = project(tmp_path, files)
    assert found.settings_module == "site1.settings_production"
    assert not found.ambiguous


def test_production_settings_beside_those_that_are_named_win(tmp_path: Path) -> None:
    files = {
        "manage.py": MANAGE.replace("site1.settings", "site1.settings.dev"),
        "site1/settings.py": "",
        "site1/settings/__init__.py": "",
        "site1/settings/dev.py": SETTINGS,
        "site1/settings/production.py": SETTINGS,
        "production.py": SETTINGS,
    }
    found = project(tmp_path, files)
    assert (found.settings_module, found.ambiguous) == ("site1.settings.production", False)


def test_settings_that_are_no_valid_python_are_named(tmp_path: Path) -> None:
    broken = (
        f"{SETTINGS}DATABASES = {{'default': {{\n    'ENGINE': 'django.db.backends.postgresql',\n    'USER': #,\n}}}}\n"
    )
    found = project(tmp_path, {"site1/settings.py": broken})
    assert (found.settings_module, found.database, found.ambiguous) == ("site1.settings", "postgres", False)
    assert any("site1/settings.py:6 is no valid Python" in warning for warning in found.warnings)


@pytest.mark.parametrize("folder", ["__settings_archive", "settings_obsolete", "old"])
def test_settings_that_were_put_away_are_not_chosen(tmp_path: Path, folder: str) -> None:
    files = {
        "manage.py": MANAGE.replace("site1.settings", "site1.settings.dev"),
        "site1/settings.py": "",
        "site1/settings/__init__.py": "",
        "site1/settings/dev.py": SETTINGS,
        "site1/settings/ec2.py": SETTINGS,
        f"site1/{folder}/production.py": SETTINGS,
    }
    assert project(tmp_path, files).settings_module == "site1.settings.ec2"


def test_only_development_settings_are_ambiguous(tmp_path: Path) -> None:
    files = {
        "manage.py": MANAGE.replace("site1.settings", "site1.settings.dev"),
        "site1/settings.py": "",
        "site1/settings/__init__.py": "",
        "site1/settings/base.py": SETTINGS,
        "site1/settings/dev.py": "from .base import *\nDEBUG = True\n",
    }
    assert project(tmp_path, files).ambiguous


@pytest.mark.parametrize("module", ["site1.settings.production", "site1.settings.live"])
def test_settings_that_wsgi_names_but_nobody_committed_must_be_created(tmp_path: Path, module: str) -> None:
    files = {
        "manage.py": MANAGE.replace("site1.settings", "site1.settings.base"),
        "site1/settings.py": "",
        "site1/settings/__init__.py": "",
        "site1/settings/base.py": SETTINGS,
        "site1/wsgi.py": ENTRY.format("wsgi", module),
    }
    found = project(tmp_path, files)
    path = f"{module.replace('.', '/')}.py"
    assert (found.ambiguous, found.required_files) == (True, (path,))
    assert found.warnings == (
        f"site1/wsgi.py:3 names {module}, which is not in the repository: {path} must be created.",
    )
    named = [(g.value, g.is_primary) for g in found.guesses if g.field == "settings_module"]
    assert named == [(module, False), ("site1.settings.base", False)]


def test_a_module_beside_the_settings_that_nobody_committed_must_be_created(tmp_path: Path) -> None:
    found = project(tmp_path, {"site1/wsgi.py": ENTRY.format("wsgi", "site1.production_settings")})
    assert (found.ambiguous, found.required_files) == (True, ("site1/production_settings.py",))


def test_settings_that_the_image_names_are_taken_although_wsgi_names_others(tmp_path: Path) -> None:
    image = "FROM python:3.12\nENV DJANGO_SETTINGS_MODULE=site1.settings\n"
    found = project(tmp_path, {"site1/wsgi.py": ENTRY.format("wsgi", "site1.other"), "Dockerfile": image})
    assert (found.settings_module, found.ambiguous) == ("site1.settings", False)


def test_a_name_left_over_from_another_project_is_no_file_to_create(tmp_path: Path) -> None:
    found = project(tmp_path, {"site1/wsgi.py": ENTRY.format("wsgi", "mysite.settings")})
    assert (found.settings_module, found.ambiguous, found.required_files) == ("site1.settings", False, ())


def test_settings_in_classes_of_other_modules_are_complete(tmp_path: Path) -> None:
    files = {
        "manage.py": MANAGE.replace("site1.settings", "settings"),
        "site1/settings.py": "",
        "settings/__init__.py": "from .envs.heroku import Heroku\n",
        "settings/base.py": "class BaseSettings:\n    INSTALLED_APPS = []\n    ROOT_URLCONF = 'site1.urls'\n    DEBUG = False\n",
        "settings/envs/__init__.py": "",
        "settings/envs/heroku.py": "from .. import base\n\nclass Heroku(base.BaseSettings):\n    SECRET_KEY = 'x'\n",
    }
    found = project(tmp_path, files)
    assert (found.settings_module, found.ambiguous) == ("settings", False)


def test_a_file_has_the_name_by_which_manage_py_calls_it(tmp_path: Path) -> None:
    files = {
        "src/manage.py": MANAGE.replace("site1", "src.site1"),
        "src/wsgi.py": ENTRY.format("wsgi", "src.site1.settings"),
        "src/site1/settings.py": SETTINGS,
        "src/site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
    }
    found = inspect(write(tmp_path, files))
    assert (found.settings_module, found.ambiguous) == ("src.site1.settings", False)


def test_a_module_that_the_same_file_can_do_without_is_not_missing(tmp_path: Path) -> None:
    entry = (
        "import os\ntry:\n    import site1.settings_local\n"
        "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings_local')\nexcept ImportError:\n"
        "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
    )
    found = project(tmp_path, {"site1/wsgi.py": entry})
    assert (found.settings_module, found.ambiguous, found.required_files) == ("site1.settings", False, ())
