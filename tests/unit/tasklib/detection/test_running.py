"""What files for deployment say of the running site, and what of builds and tests."""

from pathlib import Path

import pytest

from dz.tasklib.detection import Inspection, inspect, running
from tests.unit.tasklib.detection.projects import ENTRY, MANAGE, SETTINGS, tree, write

RUN = "RUN DJANGO_SETTINGS_MODULE=site1.settings.assets \\\n    python manage.py collectstatic --noinput\n"
ENV = "ENV DJANGO_SETTINGS_MODULE=site1.settings.assets\n"


def with_assets(root: Path, files: dict[str, str]) -> Inspection:
    """Inspect a project that has settings for the site and others to collect assets with."""
    own = {
        "manage.py": MANAGE.replace("site1.settings", "site1.settings.dev"),
        "site1/__init__.py": "",
        "site1/settings/__init__.py": "",
        "site1/settings/assets.py": SETTINGS,
        "site1/settings/dev.py": SETTINGS,
        "site1/settings/main.py": SETTINGS,
        "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings.main"),
    }
    return inspect(write(root, own | files))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"Dockerfile": f"FROM python:3.12\n{RUN}CMD gunicorn site1.wsgi\n"}, id="a command of the build"),
        pytest.param({"Dockerfile": "FROM python:3.12\nRUN ./manage.py collectstatic --settings=site1.settings.assets\n"}, id="an option"),
        pytest.param({"Dockerfile": f"FROM python:3.12 AS assets\n{ENV}FROM python:3.12\nCMD gunicorn site1.wsgi\n"}, id="another stage"),
        pytest.param({"Dockerfile": f"FROM python:3.12\n{ENV}RUN make\nENV DJANGO_SETTINGS_MODULE=site1.settings.main\n"}, id="set anew"),
        pytest.param({"Dockerfile": "FROM python:3.12\nARG DJANGO_SETTINGS_MODULE=site1.settings.assets\n"}, id="an argument of the build"),
        pytest.param({"compose.yml": "services:\n web:\n  build:\n   args:\n    DJANGO_SETTINGS_MODULE: site1.settings.assets\n"}, id="compose's arguments"),
        pytest.param({"compose.yml": "services:\n tests:\n  environment:\n   - DJANGO_SETTINGS_MODULE=site1.settings.assets\n"}, id="a service of tests"),
        pytest.param({"heroku.yml": "build:\n config:\n  DJANGO_SETTINGS_MODULE: site1.settings.assets\n"}, id="heroku's build"),
        pytest.param({"render.yaml": "services:\n- buildCommand: DJANGO_SETTINGS_MODULE=site1.settings.assets ./manage.py collectstatic\n"}, id="render's build"),
        pytest.param({"pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = site1.settings.assets\n"}, id="pytest"),
        pytest.param({"tox.ini": "[testenv]\nsetenv = DJANGO_SETTINGS_MODULE=site1.settings.assets\n"}, id="tox"),
        pytest.param({"Makefile": "test:\n\t./manage.py test --settings=site1.settings.assets\n"}, id="make test"),
        pytest.param({".github/workflows/a.yml": "env:\n  DJANGO_SETTINGS_MODULE: site1.settings.assets\n"}, id="CI"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("started", [True, False])
def test_settings_that_only_a_build_or_a_test_uses_are_not_those_of_the_site(
    tmp_path: Path, files: dict[str, str], *, started: bool
) -> None:
    without = {} if started else {"site1/wsgi.py": ""}
    found = with_assets(tmp_path, files | without)
    assert (found.settings_module, found.ambiguous) == ("site1.settings.main", False)
    assert [g.value for g in found.guesses if g.field == "settings_module" and g.is_primary] == ["site1.settings.main"]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"Dockerfile": f"FROM python:3.12 AS base\n{ENV}FROM base\nCMD gunicorn site1.wsgi\n"}, id="a stage below"),
        pytest.param({"Dockerfile": f"FROM python:3.12 AS prod\n{ENV}FROM prod AS test\nCMD pytest\n"}, id="tests come last"),
        pytest.param({"Dockerfile": "FROM python\nARG DJANGO_SETTINGS_MODULE=site1.settings.assets\nENV A=b \\\n  DJANGO_SETTINGS_MODULE=${DJANGO_SETTINGS_MODULE}\n"}, id="passed on"),
        pytest.param({"render.yaml": "services:\n- envVars:\n  - key: DJANGO_SETTINGS_MODULE\n    value: site1.settings.assets\n"}, id="render"),
        pytest.param({"app.yaml": "runtime: python312\nenv_variables:\n  DJANGO_SETTINGS_MODULE: site1.settings.assets\n"}, id="App Engine"),
        pytest.param({"compose.yml": "services:\n web:\n  environment:\n   DJANGO_SETTINGS_MODULE: site1.settings.assets\n"}, id="compose"),
    ],
)  # fmt: skip
def test_settings_that_the_image_or_the_host_sets_are_those_of_the_site(tmp_path: Path, files: dict[str, str]) -> None:
    found = with_assets(tmp_path, files | {"site1/wsgi.py": ""})
    assert (found.settings_module, found.ambiguous) == ("site1.settings.assets", False)


def test_settings_of_a_build_are_never_taken_unasked(tmp_path: Path) -> None:
    files = {"Dockerfile": f"FROM python:3.12\n{RUN}", "site1/settings/main.py": "", "site1/wsgi.py": ""}
    found = with_assets(tmp_path, files)
    assert found.ambiguous
    assert ("site1.settings.assets", False) in [(g.value, g.is_primary) for g in found.guesses]


def test_a_build_that_uses_production_settings_says_nothing_against_them(tmp_path: Path) -> None:
    command = "FROM python:3.12\nRUN DJANGO_SETTINGS_MODULE=site1.settings.production ./manage.py collectstatic\n"
    files = {"Dockerfile": command, "site1/settings/production.py": SETTINGS, "site1/wsgi.py": ""}
    found = with_assets(tmp_path, files)
    assert (found.settings_module, found.warnings) == ("site1.settings.production", ())
    assert ("site1.settings.production", "Dockerfile:2") in [(g.value, g.basis) for g in found.guesses]


def test_the_lines_of_an_image_keep_their_numbers(tmp_path: Path) -> None:
    text = f"# an image\nFROM node AS a\nRUN make\n\nFROM python:3.12\n{RUN}{ENV}RUN echo export A=b >> /etc/profile\n"
    kept = running.text(tree(tmp_path, {"Dockerfile": text}), "Dockerfile").splitlines()
    assert kept == [
        "# an image", "FROM node AS a", "", "", "FROM python:3.12", "", "", ENV.strip(), "RUN echo export A=b >> /etc/profile",
    ]  # fmt: skip
