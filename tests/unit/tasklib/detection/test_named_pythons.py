"""The Python that files of tools, hosts, images and continuous integration name."""

from pathlib import Path

import pytest

from dz.tasklib.detection import versions
from tests.unit.tasklib.detection.projects import tree


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"mise.toml": "[tools]\npython = '3.12'\n"}, ("3.12", "mise.toml:2")),
        ({".mise.toml": "[tools]\npython = ['3.11.4', '3.10']\n"}, ("3.11.4", ".mise.toml:2")),
        ({"mise.toml": "[tools.python]\nversion = '3.13'\nvirtualenv = '.venv'\n"}, ("3.13", "mise.toml:2")),
        ({".tool-versions": "nodejs 20.1.0\npython 3.9.18 3.8\n"}, ("3.9.18", ".tool-versions:2")),
        ({"Dockerfile.prod": "FROM node:20\nFROM --platform=linux/amd64 python:3.10-slim AS web\n"}, ("3.10", "Dockerfile.prod:2")),
        ({"deploy/web.Dockerfile": "FROM ghcr.io/astral-sh/uv:python3.12-bookworm\n"}, ("3.12", "deploy/web.Dockerfile:1")),
        ({"Containerfile": "FROM registry.access.redhat.com/ubi9/python-311\n"}, ("3.11", "Containerfile:1")),
        ({"Dockerfile": "ARG PYTHON_IMAGE=python:3.11-slim\nFROM $PYTHON_IMAGE\n"}, ("3.11", "Dockerfile:1")),
        ({"Dockerfile": "FROM ubuntu\nRUN apt-get update && apt-get install -y git python3.10 \n"}, ("3.10", "Dockerfile:2")),
        ({"render.yaml": "services:\n  - envVars:\n      - key: PYTHON_VERSION\n        value: 3.11.4\n"}, ("3.11.4", "render.yaml:4")),
        ({"app.yaml": "runtime: python312\n"}, ("3.12", "app.yaml:1")),
        ({"app.yaml": "runtime: python\nenv: flex\nruntime_config:\n  runtime_version: '3.10'\n  python_version: '3.11'\n"}, ("3.11", "app.yaml:5")),
        ({"nixpacks.toml": "[variables]\nNIXPACKS_PYTHON_VERSION = '3.12'\n"}, ("3.12", "nixpacks.toml:2")),
        ({"compose.yaml": "services:\n  web:\n    build:\n      args:\n        - PYTHON_VERSION=3.13\n"}, ("3.13", "compose.yaml:5")),
        ({"environment.yml": "dependencies:\n  - python=3.9\n  - django\n"}, ("3.9", "environment.yml:2")),
        ({".gitlab-ci.yml": "image: python:3.9-slim\ntest:\n  image:\n    name: python:3.10\n"}, ("3.10", ".gitlab-ci.yml:4")),
        ({".circleci/config.yml": "jobs:\n  build:\n    docker:\n      - image: cimg/python:3.11.2\n      - image: cimg/postgres:14.0\n"}, ("3.11.2", ".circleci/config.yml:4")),
        ({".github/workflows/a.yml": "env:\n  PYTHON_VERSION: '3.12'\n"}, ("3.12", ".github/workflows/a.yml:2")),
        ({".github/workflows/a.yml": "jobs:\n  a:\n    container: python:3.8\n"}, ("3.8", ".github/workflows/a.yml:3")),
        ({"azure-pipelines.yml": "steps:\n- inputs:\n    versionSpec: '3.9'\n"}, ("3.9", "azure-pipelines.yml:3")),
    ],
)  # fmt: skip
def test_a_python_is_preferred(tmp_path: Path, files: dict[str, str], wanted: tuple[str, str]) -> None:
    assert versions.python(tree(tmp_path, files), "")[0] == (*wanted, "preference")


def test_the_image_of_the_site_goes_before_those_of_hosts_and_ci(tmp_path: Path) -> None:
    files = {
        "Dockerfile.dev": "FROM python:3.13\n",
        "Dockerfile.production": "FROM python:3.11\n",
        "render.yaml": "envVars:\n- {key: PYTHON_VERSION, value: '3.10'}\n",
        ".gitlab-ci.yml": "image: python:3.12\n",
    }
    found = [version for version, _, _ in versions.python(tree(tmp_path, files), "")]
    assert found == ["3.11", "3.13", "3.10", "3.12"]


@pytest.mark.parametrize(
    "files",
    [
        {"mise.toml": "[tools]\nnode = '20'\n"},
        {"Dockerfile": "FROM node:20\nFROM nginx:1.27\n"},
        {"render.yaml": "services: []\n"},
        {"app.yaml": "runtime: nodejs20\n"},
        {".gitlab-ci.yml": "image: node:20\nservices: ['postgres:3.9']\n"},
        {"mise.toml": "broken ["},
    ],
)
def test_other_versions_are_not_taken_for_pythons(tmp_path: Path, files: dict[str, str]) -> None:
    assert versions.python(tree(tmp_path, files), "") == []
