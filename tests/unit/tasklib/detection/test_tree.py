"""Work trees that are broken or mean harm: no read outside, nothing endless."""

import os
from pathlib import Path

from dz.tasklib.detection import inspect
from dz.tasklib.detection.tree import Tree
from tests.unit.tasklib.detection.projects import SETTINGS, with_settings, write


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("django==9.9")
    tree = tmp_path / "tree"
    tree.mkdir()
    with_settings(tree, SETTINGS)
    (tree / "requirements.txt").symlink_to(secret)
    found = inspect(tree)
    assert found.dependency_files == ()
    assert "9.9" not in str(found)


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    with_settings(tmp_path, SETTINGS)
    os.mkfifo(tmp_path / "requirements.txt")
    assert inspect(tmp_path).settings_module == "site1.settings"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with_settings(tmp_path, SETTINGS)
    (tmp_path / "requirements.txt").write_text("django==1.0\n" * 200_000)
    assert Tree(tmp_path).text("requirements.txt") is None
    assert inspect(tmp_path).django_version is None


def test_requirements_in_utf_16_are_read(tmp_path: Path) -> None:
    with_settings(tmp_path, SETTINGS)
    (tmp_path / "requirements.txt").write_bytes("Django==5.2\r\n".encode("utf-16"))
    assert inspect(tmp_path).django_version == "==5.2"


def test_files_are_listed_the_shallowest_first_and_without_what_is_installed(tmp_path: Path) -> None:
    found = Tree(write(tmp_path, {"b/c.py": "", "a.py": "", "node_modules/x.js": "", ".git/config": ""}))
    assert found.files == ("a.py", "b/c.py")
    assert found.exists("/b/c.py")
    assert found.exists("b")
    assert not found.exists("/etc/passwd")
    assert found.line("missing.py", "x") == "missing.py:1"


def test_no_more_is_parsed_than_the_budget_allows(tmp_path: Path) -> None:
    found = Tree(write(tmp_path, {"a.py": "A = 1\n", "b.py": "B = 1\n"}))
    found.to_parse = 6
    assert found.module("a.py") is not None
    assert found.module("b.py") is None
    assert found.broken("b.py") is None


def test_a_file_that_is_no_python_says_where(tmp_path: Path) -> None:
    assert Tree(write(tmp_path, {"a.py": "A = 1\nB = (\n"})).broken("a.py") == "a.py:2"
