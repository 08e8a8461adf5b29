"""Which of several entry points, settings and dependency files a deploy uses."""

from pathlib import Path

import pytest

from dz.tasklib.detection import Inspection, inspect

MANAGE = "import os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
SETTINGS = "INSTALLED_APPS = []\nROOT_URLCONF = 'site1.urls'\nSECRET_KEY = 'x'\n"
ENTRY = "import os\nfrom django.core.{0} import get_{0}_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{1}')\napplication = get_{0}_application()\n"


def project(tree: Path, files: dict[str, str]) -> Inspection:
    whole = {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.py": SETTINGS, **files}
    for path, text in whole.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    return inspect(tree)


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


def test_an_entry_point_in_a_package_called_wsgi_is_found(tmp_path: Path) -> None:
    files = {"wsgi/__init__.py": "", "wsgi/app.py": ENTRY.format("wsgi", "site1.settings")}
    assert project(tmp_path, files).wsgi == "wsgi.app:application"


def test_channels_get_default_application_needs_asgi(tmp_path: Path) -> None:
    files = {
        "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
        "site1/asgi.py": "from channels.routing import get_default_application\napplication = get_default_application()\n",
    }
    assert project(tmp_path, files).asgi_needed


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        pytest.param(
            {"pyproject.toml": '[dependency-groups]\nmain = ["Django==5.2"]\ndev = ["ruff"]\n'},
            ("pyproject.toml",),
            id="only groups",
        ),
        pytest.param(
            {"requirements/base.txt": "django\n", "requirements/postgres.txt": "-r base.txt\n", "requirements/mysql.txt": "-r base.txt\n"},
            ("requirements/postgres.txt", "requirements/base.txt"),
            id="by database",
        ),
        pytest.param(
            {"requirements.txt": "-r requirements/production.txt\n", "requirements/made/requirements-production.txt": "django\n"},
            ("requirements/made/requirements-production.txt",),
            id="pointing nowhere",
        ),
    ],
)  # fmt: skip
def test_the_files_that_a_deploy_installs_are_chosen(tmp_path: Path, files: dict[str, str], wanted: tuple[str]) -> None:
    found = project(tmp_path, files)
    assert (found.package_manager, found.dependency_files) == ("pip", wanted)


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


def test_the_python_of_an_argument_of_the_image_is_read(tmp_path: Path) -> None:
    image = "ARG PYTHON_VERSION=3.12-slim\nFROM python:$PYTHON_VERSION\n"
    assert project(tmp_path, {"Dockerfile": image}).python_version == "3.12"


@pytest.mark.parametrize("project_package", ["site1", "django_add_on"])
def test_an_add_on_with_a_project_beside_it_is_a_library(tmp_path: Path, project_package: str) -> None:
    files = {
        "manage.py": MANAGE.replace("site1", project_package),
        "setup.py": "from setuptools import setup\nsetup(\n    name='django-add-on',\n    classifiers=['Framework :: Django'],\n)\n",
        "django_add_on/__init__.py": "",
        "django_add_on/settings.py": SETTINGS,
    }
    assert project(tmp_path, files).is_django == (project_package == "django_add_on")


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        pytest.param({"requirements.txt": "- Requirements\n\napt install wkhtmltopdf\nrun mailhog\n"}, "pipenv", id="prose"),
        pytest.param({"requirements.txt": "django\nDjango-Q2 ; python_version > '3.8'\nold @ https://x.org/a.zip\n"}, "pip", id="names"),
    ],
)  # fmt: skip
def test_a_text_for_people_is_no_requirements_file(tmp_path: Path, files: dict[str, str], manager: str) -> None:
    assert project(tmp_path, {**files, "Pipfile": "[packages]\ndjango = '*'\n"}).package_manager == manager


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


def test_application_is_the_entry_point_and_not_what_it_wraps(tmp_path: Path) -> None:
    entry = ENTRY.format("asgi", "site1.settings").replace("\napplication", "\nasgi_application")
    wrapped = f"{entry}from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({{'websocket': 1}})\n"
    assert project(tmp_path, {"site1/asgi.py": wrapped}).asgi == "site1.asgi:application"


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


def test_the_sources_of_a_compiled_file_do_not_hide_a_pipfile(tmp_path: Path) -> None:
    files = {"Pipfile": "[packages]\ndjango = '==3.1.13'\n", "requirements.in": "django\n"}
    assert project(tmp_path, files).package_manager == "pipenv"


def test_the_file_that_names_django_is_installed_too(tmp_path: Path) -> None:
    files = {"requirements.txt": "Pillow\n", "requirements-vendor.txt": "Django==4.2\n", "requirements-dev.txt": "django\n"}  # fmt: skip
    assert project(tmp_path, files).dependency_files == ("requirements.txt", "requirements-vendor.txt")


def test_a_package_that_is_installed_with_its_settings_is_a_project(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='shop', install_requires=['Django'])\n"
    )
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "__init__.py").touch()
    (tmp_path / "src" / "shop" / "settings.py").write_text(SETTINGS)
    found = inspect(tmp_path)
    assert (found.project_root, found.settings_module) == ("src", "shop.settings")


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


def test_what_the_dockerfile_installs_is_more_than_setup_py(tmp_path: Path) -> None:
    files = {
        "setup.py": "from setuptools import setup\nsetup(name='members', install_requires=['django'])\n",
        "config/requirements.txt": "django==3.2.25\n",
        "Dockerfile": "FROM python:3.9\nCOPY /config/requirements.txt /config/\nRUN pip install --no-cache-dir -r /config/requirements.txt\n",
    }
    assert project(tmp_path, files).dependency_files == ("config/requirements.txt",)


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
