"""What settings modules define and take over."""

from pathlib import Path

from dz.tasklib.detection import namespaces
from tests.unit.tasklib.detection.projects import modules

FILES = {
    "site1/__init__.py": "from .base import *\nfrom .parts import Part\nB = 1\n",
    "site1/base.py": "from .loop import *\nA = 1\nlower = 2\nif A:\n    INSIDE = 3\n",
    "site1/loop.py": "from .base import *\nLOOP = 1\n",
    "site1/parts.py": "class Part:\n    OF_CLASS = 1\n",
    "site1/broken.py": "A = 1\nB = (\n",
    "site1/dynamic.py": "A = 1\nglobals().update(made())\n",
}


def test_names_are_collected_through_stars_and_classes(tmp_path: Path) -> None:
    found = modules(tmp_path, FILES)
    assert namespaces.defined(found.tree, found, "site1") == {"A", "B", "INSIDE", "LOOP", "OF_CLASS"}
    assert namespaces.defined(found.tree, found, "missing") == set()


def test_names_of_a_broken_module_are_read_as_text(tmp_path: Path) -> None:
    found = modules(tmp_path, {**FILES, "site1/broken.py": "ALLOWED = 1\nBASE = (\n"})
    assert namespaces.defined(found.tree, found, "site1.broken") == {"ALLOWED", "BASE"}


def test_names_that_only_a_run_could_tell_are_a_star(tmp_path: Path) -> None:
    found = modules(tmp_path, FILES)
    assert namespaces.defined(found.tree, found, "site1.dynamic") == {"A", "*"}


def test_a_module_of_classes_is_a_part_of_the_package_that_takes_them(tmp_path: Path) -> None:
    found = modules(tmp_path, FILES)
    assert namespaces.is_part(found.tree, found, "site1.parts")
    assert not namespaces.is_part(found.tree, found, "site1.base")


def test_the_stars_of_a_package_are_known(tmp_path: Path) -> None:
    found = modules(tmp_path, FILES)
    assert namespaces.starred(found.tree, found, "site1") == ["site1.base"]
    assert namespaces.starred(found.tree, found, "site1.base") == []
