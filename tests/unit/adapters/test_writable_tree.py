"""A copy of a project's code in which it may write."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dz.adapters import writable_tree

OWNER = (pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid) if os.geteuid() == 0 else None
TRY = """
import os, sys
done = []
for name, act in {
    "append": lambda: open("debug.log", "a").write("x"),
    "create": lambda: open("new.log", "w").write("x"),
    "folder": lambda: os.makedirs("shop/logs"),
    "change": lambda: open("shop/views.py", "w").write("x"),
    "replace": lambda: os.rename("new.log", "shop/views.py"),
    "remove": lambda: os.unlink("shop/views.py"),
    "move": lambda: os.rename("shop", "shop2"),
}.items():
    try:
        act()
        done.append(name)
    except OSError:
        pass
print(",".join(done))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def code(open_folder: Path) -> Path:
    source = open_folder / "code"
    (source / "shop").mkdir(parents=True)
    (source / "shop" / "views.py").write_text("pass\n")
    (source / "debug.log").write_text("committed\n")
    (source / "outside").symlink_to("/etc")
    return source


def test_it_takes_new_files_and_those_that_are_the_projects_and_keeps_the_code(code: Path, open_folder: Path) -> None:
    tree = open_folder / "tree"
    for _ in range(2):
        writable_tree.make(code, tree, written=["debug.log", "shop/cache/"], owner=OWNER)
    user = {"user": OWNER[0], "group": OWNER[1], "extra_groups": []} if OWNER else {}
    words = (
        [sys.executable, "-I", "-S", "-c", TRY] if OWNER is None else ["/usr/bin/env", "python3", "-I", "-S", "-c", TRY]
    )
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True, check=True, **user)  # type: ignore[call-overload]
    if OWNER:
        assert done.stdout.strip() == "append,create,folder"
    assert (code / "debug.log").read_text() == "committed\n"
    assert (code / "shop" / "views.py").read_text() == "pass\n" or not OWNER
    assert (tree / "shop" / "cache").is_dir()
    assert not (code / "shop" / "cache").exists()


def test_nothing_outside_the_copy_is_given_away(code: Path, open_folder: Path) -> None:
    tree = open_folder / "tree"
    before = Path("/etc/passwd").stat().st_uid
    writable_tree.make(code, tree, written=["outside/passwd", "outside/dz-new/", "../code/debug.log"], owner=OWNER)
    assert Path("/etc/passwd").stat().st_uid == before
    assert not Path("/etc/dz-new").exists()
    assert (code / "debug.log").stat().st_uid == os.geteuid()
