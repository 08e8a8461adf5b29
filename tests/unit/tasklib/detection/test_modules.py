"""Modules by their dotted names."""

import ast
from pathlib import Path

import pytest

from dz.tasklib.detection.modules import Modules
from tests.unit.tasklib.detection.projects import tree

FILES = {
    "src/site1/__init__.py": "",
    "src/site1/settings/__init__.py": "",
    "src/site1/settings/base.py": "",
    "src/site1/both.py": "",
    "src/site1/both/__init__.py": "",
    "site1/other.py": "",
    "src/not-a-module/a.py": "",
}


@pytest.fixture
def found(tmp_path: Path) -> Modules:
    return Modules(tree(tmp_path, FILES), ["src", ""])


def test_a_name_has_a_file_and_a_file_has_a_name(found: Modules) -> None:
    assert found.path("site1.settings.base") == "src/site1/settings/base.py"
    assert found.path("site1.both") == "src/site1/both/__init__.py"
    assert found.path("site1.other") == "site1/other.py"
    assert found.path("requests") is None
    assert found.name("src/site1/settings/__init__.py") == "site1.settings"
    assert found.name("src/not-a-module/a.py") is None


def test_the_projects_own_packages_are_known(found: Modules) -> None:
    assert found.is_own("site1.missing")
    assert not found.is_own("requests")
    assert not found.is_own("")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("from .base import *", "site1.settings.base"),
        ("from ..other import x", "site1.other"),
        ("from . import x", "site1.settings"),
        ("from django import x", "django"),
    ],
)
def test_a_relative_import_of_a_package_is_absolute(found: Modules, text: str, wanted: str) -> None:
    node = ast.parse(text).body[0]
    assert found.absolute(node, "site1.settings", "src/site1/settings/__init__.py") == wanted


def test_python_2_finds_a_module_beside(found: Modules) -> None:
    star, named = (ast.parse(f"from base import {what}").body[0] for what in ("*", "x"))
    assert found.implicit(star, "site1.settings.prod") == "site1.settings.base"
    assert found.implicit(named, "site1.settings.prod") is None
