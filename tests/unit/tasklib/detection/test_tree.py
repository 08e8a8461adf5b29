"""Work trees that are broken or mean harm: no read outside, nothing endless."""

import os
from pathlib import Path

from dz.tasklib.detection import inspect
from dz.tasklib.detection.tree import Tree
from tests.unit.tasklib.detection.projects import SETTINGS, with_settings


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
