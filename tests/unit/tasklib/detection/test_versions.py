"""The Python and Django versions that a repository asks for."""

from pathlib import Path

from tests.unit.tasklib.detection.projects import project


def test_the_python_of_an_argument_of_the_image_is_read(tmp_path: Path) -> None:
    image = "ARG PYTHON_VERSION=3.12-slim\nFROM python:$PYTHON_VERSION\n"
    assert project(tmp_path, {"Dockerfile": image}).python_version == "3.12"
