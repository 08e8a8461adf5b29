"""Where the Django project lies in a repository, and whether there is one."""

from pathlib import Path

import pytest

from dz.tasklib.detection import inspect
from tests.unit.tasklib.detection.projects import ENTRY, MANAGE, SETTINGS, project, write


@pytest.mark.parametrize("project_package", ["site1", "django_add_on"])
def test_an_add_on_with_a_project_beside_it_is_a_library(tmp_path: Path, project_package: str) -> None:
    files = {
        "manage.py": MANAGE.replace("site1", project_package),
        "setup.py": "from setuptools import setup\nsetup(\n    name='django-add-on',\n    classifiers=['Framework :: Django'],\n)\n",
        "django_add_on/__init__.py": "",
        "django_add_on/settings.py": SETTINGS,
    }
    assert project(tmp_path, files).is_django == (project_package == "django_add_on")


def test_manage_py_beside_a_package_decides_the_folder(tmp_path: Path) -> None:
    template = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.{}'.format(os.environ.get('STAGE')))\n"
    files = {
        "manage.py": "",
        "app/__init__.py": "",
        "app/manage.py": MANAGE + template,
        "app/config/__init__.py": "",
        "app/config/wsgi.py": template + "from django.core.wsgi import get_wsgi_application\n",
        "app/config/settings/__init__.py": "",
        "app/config/settings/production.py": SETTINGS,
    }
    found = project(tmp_path, files)
    assert (found.project_root, found.settings_module) == ("app", "config.settings.production")


@pytest.mark.parametrize("marks", [1, 3])
def test_a_template_whose_names_are_not_filled_in_is_no_project(tmp_path: Path, marks: int) -> None:
    names = ["wsgi.py", "urls.py", "settings.py"]
    docs = {name: '"""For {{ project_name }}."""\n' if number < marks else "" for number, name in enumerate(names)}
    files = {
        "site1/settings.py": "",
        "manage.py": MANAGE.replace("site1.", ""),
        "wsgi.py": docs["wsgi.py"] + ENTRY.format("wsgi", "settings"),
        "urls.py": docs["urls.py"],
        "settings.py": docs["settings.py"] + SETTINGS,
    }
    assert project(tmp_path, files).is_django == (marks == 1)


def test_a_package_with_settings_only_for_its_tests_is_a_library(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(name='cms-people')\n")
    (tmp_path / "cms_helper.py").write_text("HELPER = {'INSTALLED_APPS': []}\n")
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "test_settings.py").write_text(SETTINGS)
    assert not inspect(tmp_path).is_django


def test_a_package_that_is_installed_with_its_settings_is_a_project(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='shop', install_requires=['Django'])\n"
    )
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "__init__.py").touch()
    (tmp_path / "src" / "shop" / "settings.py").write_text(SETTINGS)
    found = inspect(tmp_path)
    assert (found.project_root, found.settings_module) == ("src", "shop.settings")


def test_of_two_projects_the_one_called_server_is_guessed_first(tmp_path: Path) -> None:
    files = {}
    for folder in ("messenger", "server"):
        files |= {
            f"{folder}/manage.py": MANAGE,
            f"{folder}/site1/__init__.py": "",
            f"{folder}/site1/settings.py": SETTINGS,
        }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = inspect(tmp_path)
    assert (found.project_root, found.ambiguous) == ("server", True)


def test_a_folder_whose_name_is_not_filled_in_is_no_project(tmp_path: Path) -> None:
    files = {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.py": SETTINGS}
    write(tmp_path / "{{cookiecutter.slug}}", files)
    assert not inspect(tmp_path).is_django


def test_a_manage_py_for_convenience_leads_to_the_folder_of_the_real_one(tmp_path: Path) -> None:
    files = {
        "manage.py": "import sys\nsys.path.insert(0, 'backend')\n" + MANAGE.replace("site1", "core"),
        "backend/manage.py": MANAGE.replace("site1", "core"),
        "backend/core/__init__.py": "",
        "backend/core/settings.py": SETTINGS,
        "backend/core/wsgi.py": ENTRY.format("wsgi", "core.settings"),
        "requirements.txt": "Django==5.2\n",
    }
    found = inspect(write(tmp_path, files))
    assert (found.project_root, found.settings_module, found.wsgi) == (
        "backend",
        "core.settings",
        "core.wsgi:application",
    )
    assert found.dependency_files == ("requirements.txt",)
