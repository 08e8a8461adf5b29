"""The Python and Django versions that a repository asks for."""

from pathlib import Path

import pytest

from dz.tasklib.detection import versions
from tests.unit.tasklib.detection.projects import project, tree

_PIPFILE_LOCK = """{
    "_meta": {
        "hash": {"sha256": "x"},
        "pipfile-spec": 6,
        "requires": {
            "python_version": "3.10"
        }
    }
}
"""


def test_the_python_of_an_argument_of_the_image_is_read(tmp_path: Path) -> None:
    image = "ARG PYTHON_VERSION=3.12-slim\nFROM python:$PYTHON_VERSION\n"
    assert project(tmp_path, {"Dockerfile": image}).python_version == "3.12"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"pyproject.toml": "[project]\nrequires-python = '>=3.11'\n"}, (">=3.11", "pyproject.toml:2", "requires-python")),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.11'\n"}, ("^3.11", "pyproject.toml:2", "requires-python")),
        ({"Pipfile": "[requires]\npython_version = '3.10'\n"}, ("3.10", "Pipfile:2", "preference")),
        (
            {"Pipfile": "[requires]\npython_version = '3.9'\n", "Pipfile.lock": _PIPFILE_LOCK},
            ("3.10", "Pipfile.lock:6", "requires-python"),
        ),
        (
            {"uv.lock": 'version = 1\nrequires-python = ">=3.12"\n', ".python-version": "3.13\n"},
            (">=3.12", "uv.lock:2", "requires-python"),
        ),
        ({"runtime.txt": "python-3.9.1\n"}, ("3.9.1", "runtime.txt:1", "preference")),
        ({".python-version": "# pyenv\n3.12\n"}, ("3.12", ".python-version:2", "preference")),
        ({"README.md": "Needs Python 3.8 or newer.\n"}, (">=3.8", "README.md:1", "mentioned")),
        (
            {".github/workflows/ci.yml": "jobs:\n  a:\n    matrix:\n      python-version: ['3.9', '3.10']\n"},
            ("3.10", ".github/workflows/ci.yml:4", "preference"),
        ),
    ],
)  # fmt: skip
def test_a_python_is_asked_for(tmp_path: Path, files: dict[str, str], wanted: tuple[str, str, str]) -> None:
    assert versions.python(tree(tmp_path, files), "")[0] == wanted


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("requirements.txt", "celery\nDjango[argon2] >=4.2, <5\n", (">=4.2, <5", "requirements.txt:2")),
        ("pyproject.toml", "[project]\ndependencies = ['django~=5.1']\n", ("~=5.1", "pyproject.toml:2")),
        ("pyproject.toml", "[tool.poetry.dependencies]\nDjango = '^5.1'\n", ("^5.1", "pyproject.toml:2")),
        ("poetry.lock", '[[package]]\nname = "django"\nversion = "5.1.2"\n', ("==5.1.2", "poetry.lock:2")),
        ("requirements.txt", "django-filter==2.0\n", None),
    ],
)
def test_a_django_is_asked_for(tmp_path: Path, name: str, text: str, wanted: tuple[str, str] | None) -> None:
    assert versions.django(tree(tmp_path, {name: text}), (name,)) == wanted
