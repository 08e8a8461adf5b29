"""Which files a deploy installs from, and with which manager."""

from pathlib import Path

import pytest

from tests.unit.tasklib.detection.projects import project


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        pytest.param(
            {"pyproject.toml": '[dependency-groups]\nmain = ["Django==5.2"]\ndev = ["ruff"]\n'},
            ("pyproject.toml",),
            id="only groups",
        ),
        pytest.param({"pylock.toml": "", "requirements.txt": "django\n"}, ("pylock.toml",), id="the standard's lock"),
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
        pytest.param(
            {"requirements.txt": "django\n", "requirements_production.txt": "django==3\n", "build.sh": "pip install -r requirements.txt\n"},
            ("requirements.txt",),
            id="what the build installs",
        ),
        pytest.param(
            {"requirements.txt": "django\n", "requirements_production.txt": "django==3\n", "Dockerfile": "RUN pip install -r requirements.txt\n",
             "Dockerfile.prod": "RUN pip install -r requirements_production.txt\n"},
            ("requirements_production.txt",),
            id="two builds",
        ),
        pytest.param(
            {"requirements.txt": "django\n", "requirements_production.txt": "django==3\n", "README.md": "pip install -r requirements.txt\n",
             "dev-setup.sh": "pip install -r requirements.txt\n"},
            ("requirements_production.txt",),
            id="installed by developers",
        ),
    ],
)  # fmt: skip
def test_the_files_that_a_deploy_installs_are_chosen(tmp_path: Path, files: dict[str, str], wanted: tuple[str]) -> None:
    found = project(tmp_path, files)
    assert (found.package_manager, found.dependency_files) == ("pip", wanted)


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        pytest.param({"requirements.txt": "- Requirements\n\napt install wkhtmltopdf\nrun mailhog\n"}, "pipenv", id="prose"),
        pytest.param({"requirements.txt": "django\nDjango-Q2 ; python_version > '3.8'\nold @ https://x.org/a.zip\n"}, "pip", id="names"),
    ],
)  # fmt: skip
def test_a_text_for_people_is_no_requirements_file(tmp_path: Path, files: dict[str, str], manager: str) -> None:
    assert project(tmp_path, {**files, "Pipfile": "[packages]\ndjango = '*'\n"}).package_manager == manager


def test_the_sources_of_a_compiled_file_do_not_hide_a_pipfile(tmp_path: Path) -> None:
    files = {"Pipfile": "[packages]\ndjango = '==3.1.13'\n", "requirements.in": "django\n"}
    assert project(tmp_path, files).package_manager == "pipenv"


def test_the_file_that_names_django_is_installed_too(tmp_path: Path) -> None:
    files = {"requirements.txt": "Pillow\n", "requirements-vendor.txt": "Django==4.2\n", "requirements-dev.txt": "django\n"}  # fmt: skip
    assert project(tmp_path, files).dependency_files == ("requirements.txt", "requirements-vendor.txt")


def test_what_the_dockerfile_installs_is_more_than_setup_py(tmp_path: Path) -> None:
    files = {
        "setup.py": "from setuptools import setup\nsetup(name='members', install_requires=['django'])\n",
        "config/requirements.txt": "django==3.2.25\n",
        "Dockerfile": "FROM python:3.9\nCOPY /config/requirements.txt /config/\nRUN pip install --no-cache-dir -r /config/requirements.txt\n",
    }
    assert project(tmp_path, files).dependency_files == ("config/requirements.txt",)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        pytest.param({"docs/requirements.txt": "sphinx\ndjango\n"}, (), id="documentation alone"),
        pytest.param({"tests/requirements.txt": "pytest\n", "deploy/requirements.txt": "django\n"}, ("deploy/requirements.txt",), id="folder of tests"),
        pytest.param({"requirements/travis.txt": "django\npytest\n", "requirements/web.txt": "django\n"}, ("requirements/web.txt",), id="travis"),
        pytest.param({"requirements/quality.txt": "pylint\n", "requirements/web.txt": "django\n"}, ("requirements/web.txt",), id="linters"),
        pytest.param({"requirements/docker.txt": "django\n", "requirements/ci.txt": "django\n"}, ("requirements/docker.txt",), id="docker is no document"),
        pytest.param({"requirements-dev.txt": "pytest\n", "pyproject.toml": "[project]\ndependencies = ['django']\n"}, ("pyproject.toml",), id="beside pyproject.toml"),
        pytest.param({"requirements-dev.txt": "pytest\n", "setup.py": "setup()\n", "setup.cfg": "[options]\ninstall_requires = django\n"}, ("setup.py",), id="beside setup.cfg"),
        pytest.param({"requirements.in": "django\n", "requirements-dev.txt": "django==5.2\npytest\n"}, ("requirements.in",), id="compiled for development"),
        pytest.param({".travis.yml": "install: pip install -r ci/test.list\n", "ci/test.list": "django\n"}, (), id="what travis installs"),
        pytest.param({"requirements/constraints.txt": "django<6\n", "requirements/web.in": "-c constraints.txt\ndjango\n"}, ("requirements/web.in", "requirements/constraints.txt"), id="constraints"),
        pytest.param({"requirements.txt": "-r requirements/local.txt\n", "requirements/local.txt": "django\n", "requirements/production.txt": "django\n"}, ("requirements/production.txt",), id="a chain for development"),
        pytest.param({"requrements.txt": "django\n"}, ("requrements.txt",), id="misspelt"),
        pytest.param({"requirements/local.txt": "django\n"}, ("requirements/local.txt",), id="nothing else needs Django"),
    ],
)  # fmt: skip
def test_what_documentation_and_tests_need_is_not_installed(
    tmp_path: Path, files: dict[str, str], wanted: tuple[str, ...]
) -> None:
    assert project(tmp_path, files).dependency_files == wanted


def test_a_pipfile_is_more_than_what_tests_need(tmp_path: Path) -> None:
    files = {"test-requirements.txt": "pytest\n", "Pipfile": "[packages]\ndjango = '*'\n"}
    assert project(tmp_path, files).package_manager == "pipenv"


def test_a_loop_of_includes_ends(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r other.txt\n", "other.txt": "-r requirements.txt\ndjango==5.0\n"}
    assert project(tmp_path, files).dependency_files == ("requirements.txt", "other.txt")


def test_the_token_of_a_private_package_is_asked_for(tmp_path: Path) -> None:
    text = "Django\n# old @ https://${OLD}@h.org/x\nprices @ git+https://${GH_TOKEN}@github.com/acme/prices.git@v1\n"
    text += "rates @ https://${USER_ID}:${PASS}@h.org/rates.whl\n"
    found = project(tmp_path, {"requirements.txt": text})
    (token,) = [one for one in found.environment if one.name == "GH_TOKEN"]
    assert (token.basis, token.required, token.is_secret, token.supply) == ("requirements.txt:3", True, True, "ask")
    assert "GH_TOKEN" in found.env_required
    assert set(found.env_required) >= {"USER_ID", "PASS"}
    assert "OLD" not in found.env_required
