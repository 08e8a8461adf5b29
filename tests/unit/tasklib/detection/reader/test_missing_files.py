"""Files that the settings need and the repository lacks."""

import ast
from pathlib import Path

import pytest

from dz.tasklib.detection.reader import missing_files
from tests.unit.tasklib.detection.projects import modules, tree

FILES = {
    "site1/__init__.py": "",
    "site1/base.py": "",
    "config/a.json": "{}",
    ".gitignore": "/local_settings.py\n",
}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("config/a.json", None),
        ("config/b.json", "config/b.json"),
        ("/config/../b.json", "b.json"),
        ("/etc/secret.json", "/etc/secret.json"),
        ("config", None),
        (None, None),
        ("a\0b", None),
        ("x" * 501, None),
    ],
)
def test_a_file_is_missing(tmp_path: Path, path: object, wanted: str | None) -> None:
    assert missing_files.file(tree(tmp_path, FILES), "", path) == wanted


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("from site1.base import *", "site1.base", None),
        ("from site1.secrets import *", "site1.secrets", "site1/secrets.py"),
        ("import local_settings", "local_settings", "local_settings.py"),
        ("import requests", "requests", None),
    ],
)
def test_a_module_is_missing(tmp_path: Path, text: str, name: str, wanted: str | None) -> None:
    node = ast.parse(text).body[0]
    assert missing_files.module(modules(tmp_path, FILES), node, name) == wanted


def test_the_folder_of_a_log_file_is_missing(tmp_path: Path) -> None:
    names = ["logs/a.log", "logs/b.log", "/var/log/c.log", "config/d.log", 3]
    logging = {"handlers": {str(number): {"filename": name} for number, name in enumerate(names)}}
    assert missing_files.folders(tree(tmp_path, FILES), "", logging) == ["logs/"]
