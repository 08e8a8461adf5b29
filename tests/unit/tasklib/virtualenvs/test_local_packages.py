"""Folders of a checkout as packages: what names their content, and the copy that is built."""

from pathlib import Path

import pytest

from dz.tasklib.virtualenvs.local_packages import LocalPackage, copies, digest
from tests.unit.tasklib.detection.projects import write

FILES = {
    "libs/pricing/pyproject.toml": "",
    "libs/pricing/src/a.py": "A = 1\n",
    "libs/x.whl": "x",
    "other.py": "O = 1\n",
}


def key(root: Path, path: str = "libs/pricing", commit: str = "c1") -> str:
    return digest(LocalPackage(path), root, commit=commit)


def test_a_folder_counts_with_its_own_files_and_the_root_with_the_commit(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    first = key(tmp_path)
    write(tmp_path, {"other.py": "O = 2\n"})
    assert key(tmp_path, commit="c2") == first, "what lies beside it does not count"
    assert (key(tmp_path, "."), key(tmp_path, ".", "c2")) == ("c1", "c2")
    write(tmp_path, {"libs/pricing/src/a.py": "A = 2\n"})
    second = key(tmp_path)
    write(tmp_path, {"libs/pricing/src/b.py": ""})
    third = key(tmp_path)
    (tmp_path / "libs/pricing/src/b.py").chmod(0o755)
    assert len({first, second, third, key(tmp_path), key(tmp_path, "libs/x.whl")}) == 5


def test_what_is_built_from_files_beside_the_folder_counts_with_the_commit(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"libs/pricing/pyproject.toml": 'readme = "../../README.md"'})
    assert key(tmp_path) == "c1"
    write(tmp_path, FILES)
    (tmp_path / "libs/pricing/inside").symlink_to("src/a.py")
    assert key(tmp_path) != "c1"
    (tmp_path / "libs/pricing/shared").symlink_to("../../other.py")
    assert key(tmp_path) == "c1"


@pytest.mark.parametrize(
    ("package", "wanted"),
    [
        (LocalPackage("libs/pricing", "pricing", ("a", "b")), "pricing[a,b] @ file://{}/libs/pricing"),
        (LocalPackage("libs/pricing", extras=("a",)), "{}/libs/pricing[a]"),
        (LocalPackage("libs/x.whl"), "{}/libs/x.whl"),
    ],
)
def test_packages_lie_in_a_copy_of_the_whole_checkout(tmp_path: Path, package: LocalPackage, wanted: str) -> None:
    root, work = write(tmp_path / "root", {**FILES, ".git/config": ""}), tmp_path / "copy"
    (root / "libs/link").symlink_to("x.whl")
    assert copies([package], root, work, None) == [wanted.format(work)]
    assert (work / "other.py").read_text() == "O = 1\n"
    assert (work / "libs/link").readlink() == Path("x.whl")
    assert not (work / ".git").exists()
