"""Editable packages are imported from the code, unless the build made what the code lacks."""

from pathlib import Path

import pytest

from dz.tasklib.virtualenvs.editable import folders
from dz.tasklib.virtualenvs.local_packages import LocalPackage
from tests.unit.tasklib.detection.projects import write

RECORD = "lib/python3.11/site-packages/acme_pricing-1.0.dist-info/RECORD"
USUAL = (
    "acme_pricing-1.0.dist-info/METADATA,sha256=x,1\n../../../bin/pricing,,\npricing/__pycache__/a.cpython-311.pyc,,\n"
)
SOURCES = {
    "libs/pricing/src/pricing/__init__.py": "",
    "libs/pricing/src/pricing/rates.json": "",
    "libs/flat/one.py": "",
}


@pytest.mark.parametrize(
    ("path", "installed", "wanted"),
    [
        ("libs/pricing", "pricing/__init__.py,sha256=x,1\n", ("libs/pricing/src",)),
        ("libs/flat", '"one.py",,\n', ("libs/flat",)),
        ("libs/pricing", "pricing/__init__.py,,\npricing/_version.py,,\n", ()),
        ("libs/pricing", "pricing/__init__.py,,\npricing/fast.cpython-311.so,,\n", ()),
        ("libs/pricing", "", ()),
        ("libs/pricing", "/etc/passwd,,\n../../../../etc/passwd,,\n\n", ()),
        ("libs/none", "pricing/__init__.py,,\n", ()),
    ],
)
def test_the_folder_that_has_all_installed_modules_is_imported_from(
    tmp_path: Path, path: str, installed: str, wanted: tuple[str, ...]
) -> None:
    root = write(tmp_path / "root", SOURCES)
    virtualenv = write(tmp_path / "env", {RECORD: USUAL + installed})
    package = LocalPackage(path, "acme-pricing", editable=True)
    assert folders(virtualenv, [package], root) == wanted


def test_only_packages_that_are_editable_and_known_by_name_count(tmp_path: Path) -> None:
    root = write(tmp_path / "root", SOURCES)
    virtualenv = write(tmp_path / "env", {RECORD: "pricing/__init__.py,,\n"})
    others = [LocalPackage("libs/pricing", "acme-pricing"), LocalPackage("libs/pricing", editable=True)]
    assert folders(virtualenv, [*others, LocalPackage("libs/pricing", "other", editable=True)], root) == ()
    (virtualenv / RECORD).unlink()
    (virtualenv / RECORD).symlink_to("/etc/hosts")
    assert folders(virtualenv, [LocalPackage("libs/pricing", "acme-pricing", editable=True)], root) == ()
