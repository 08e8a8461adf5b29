"""Trees that somebody else may change while root removes, takes over or hands over them."""

import os
import pwd
import resource
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dz.adapters import trees
from dz.errors import BundleRefused

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root meets files of others")
NOBODY, DAEMON = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of ours that every user can enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    made.chmod(0o755)
    yield made
    trees.remove_tree(made)


def deep(top: Path, depth: int, uid: int = -1) -> None:
    top.mkdir(exist_ok=True)
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        os.fchown(here, uid, -1)
    os.close(here)


def owned(path: Path, user: pwd.struct_passwd) -> Path:
    """Make a folder of another user's."""
    path.mkdir()
    os.chown(path, user.pw_uid, user.pw_gid)
    return path


def canaries(folder: Path) -> Path:
    """A folder of root's whose files must stay as they are."""
    place = folder / "canaries"
    place.mkdir()
    for number in range(50):
        (place / f"f{number}").write_text("root's")
    return place


def untouched(place: Path) -> bool:
    found = list(place.iterdir())
    return len(found) == 50 and all(path.stat().st_uid == os.geteuid() for path in (place, *found))


def racing(program: str, *words: str | Path, user: pwd.struct_passwd = NOBODY) -> "subprocess.Popen[bytes]":
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if ROOT else {}
    argv = [sys.executable, "-I", "-S", "-c", program, *map(str, words)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, **identity)
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("depth", [1500, 8_000])
def test_a_tree_of_any_depth_is_removed_with_few_descriptors(folder: Path, depth: int) -> None:
    deep(folder / "tree", depth)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 8, before[1])
    )
    try:
        trees.remove_tree(folder / "tree")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert list(folder.iterdir()) == []


def test_everything_is_removed_and_nothing_behind_a_link(folder: Path) -> None:
    place, tree = canaries(folder), folder / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "to").symlink_to(place)
    (tree / "a" / "file").write_text("")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tree / "socket"))
    (tree / os.fsdecode(b"\xff")).mkdir()
    trees.remove_tree(tree)
    assert [path.name for path in folder.iterdir()] == ["canaries"]
    assert untouched(place)


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o400, 0o500, 0o1777])
def test_folders_without_rights_are_removed(folder: Path, mode: int) -> None:
    (folder / "tree" / "closed" / "inner").mkdir(parents=True)
    (folder / "tree" / "closed" / "file").write_text("")
    (folder / "tree" / "closed").chmod(mode)
    (folder / "tree").chmod(mode)
    trees.remove_tree(folder / "tree")
    assert list(folder.iterdir()) == []


def test_a_file_or_a_link_goes_alone_and_nothing_is_no_error(folder: Path) -> None:
    place = canaries(folder)
    (folder / "file").write_text("")
    (folder / "link").symlink_to(place)
    for name in ("file", "link", "missing", "missing/too"):
        trees.remove_tree(folder / name)
    assert [path.name for path in folder.iterdir()] == ["canaries"]
    assert untouched(place)


def test_what_cannot_be_removed_is_reported_and_all_else_is_gone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "tree" / "a").mkdir(parents=True)
    (folder / "tree" / "b").mkdir()
    (folder / "tree" / "file").write_text("")
    remove = os.rmdir

    def refuse(name: str, *, dir_fd: int) -> None:
        if name == "a":
            raise PermissionError(1, "Operation not permitted", name)
        remove(name, dir_fd=dir_fd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        with pytest.raises(PermissionError):
            trees.remove_tree(folder / "tree")
        assert not trees.discard_tree(folder / "tree")
    assert [path.name for path in (folder / "tree").iterdir()] == ["a"]
    assert "could not be removed" in caplog.text
    assert trees.discard_tree(folder / "tree")


SWAPS = """
import os, sys, time
tree, target = sys.argv[1:]
here = os.open(tree, os.O_RDONLY)
names = os.listdir(here)
print("ready", flush=True)
end = time.time() + 20
while time.time() < end:
    for name in names:
        try:
            os.rename(name, name + ".old", src_dir_fd=here, dst_dir_fd=here)
            os.symlink(target, name, dir_fd=here)
            os.unlink(name, dir_fd=here)
            os.rename(name + ".old", name, src_dir_fd=here, dst_dir_fd=here)
        except OSError:
            pass
"""
FLOODS = """
import os, sys
here = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
number = 0
while True:
    number += 1
    try:
        os.mkdir("n%d" % number, dir_fd=here)
        os.close(os.open("n%d/file" % number, os.O_CREAT | os.O_WRONLY, dir_fd=here))
    except OSError:
        pass
"""


def crowded(tree: Path) -> Path:
    owned(tree, NOBODY)
    for number in range(60):
        inner = owned(tree / f"d{number}", NOBODY)
        for file in range(50):
            (inner / f"f{file}").write_text("")
            os.chown(inner / f"f{file}", NOBODY.pw_uid, NOBODY.pw_gid)
    return tree


@as_root
@pytest.mark.parametrize("action", ["remove", "hand over", "take over"])
def test_who_swaps_folders_for_links_meanwhile_wins_nothing(folder: Path, action: str) -> None:
    place = canaries(folder)
    for attempt in range(3):
        tree = crowded(folder / f"tree{attempt}")
        process = racing(SWAPS, tree, place)
        try:
            if action == "remove":
                trees.remove_tree(tree)
                assert not tree.exists()
            elif action == "take over":
                trees.take_over(tree)
                assert tree.stat().st_uid == 0
            else:
                trees.hand_over(tree, DAEMON.pw_uid, DAEMON.pw_gid)
                assert tree.stat().st_uid == DAEMON.pw_uid
        finally:
            process.kill()
            process.wait()
    assert untouched(place)


@as_root
def test_who_goes_on_making_files_does_not_keep_root_from_removing_a_tree(folder: Path) -> None:
    tree = owned(folder / "tree", NOBODY)
    (tree / "inner").mkdir()
    os.chown(tree / "inner", NOBODY.pw_uid, NOBODY.pw_gid)
    process = racing(FLOODS, tree / "inner")
    try:
        deadline = time.monotonic() + 10
        while len(list((tree / "inner").iterdir())) < 200 and time.monotonic() < deadline:
            pass
        trees.remove_tree(tree)
    finally:
        process.kill()
        process.wait()
    assert not tree.exists()


@as_root
def test_a_folder_that_others_may_write_by_an_open_descriptor_is_closed_to_them_once_taken(folder: Path) -> None:
    tree = crowded(folder / "tree")
    program = """
import os, sys
here = os.open(sys.argv[1] + "/d1", os.O_RDONLY)
print("ready", flush=True)
sys.stdin.readline()
try:
    os.symlink("/etc/passwd", "later", dir_fd=here)
    os.write(1, b"made\\n")
except OSError:
    os.write(1, b"refused\\n")
"""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, str(tree)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
    )  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    trees.take_over(tree)
    assert process.communicate(b"go\n", timeout=20)[0] == b"refused\n"
    assert trees.is_ours(tree)
    assert stat.S_IMODE((tree / "d1").stat().st_mode) == 0o755
    assert (tree / "d1" / "f1").stat().st_uid == NOBODY.pw_uid


@as_root
def test_a_tree_with_a_link_to_a_file_of_somebody_else_is_not_taken_over(folder: Path) -> None:
    tree = crowded(folder / "tree")
    (folder / "secret").write_text("root's")
    os.link(folder / "secret", tree / "d1" / "mine")
    with pytest.raises(BundleRefused, match="'mine' in it belongs to somebody else"):
        trees.take_over(tree)
    (folder / "link").symlink_to(tree)
    with pytest.raises(BundleRefused):
        trees.take_over(folder / "link")


@as_root
def test_a_tree_is_handed_over_with_its_rights_and_without_what_belongs_to_others(folder: Path) -> None:
    tree, secret = crowded(folder / "tree"), folder / "secret"
    secret.write_text("root's")
    (tree / "d1").chmod(0o750)
    os.link(secret, tree / "d1" / "mine")
    (tree / "link").symlink_to(secret)
    os.chown(tree / "link", NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)
    deep(tree / "d2", 1500, NOBODY.pw_uid)

    trees.hand_over(tree, DAEMON.pw_uid, DAEMON.pw_gid)

    given = {path.lstat().st_uid for path in (tree, tree / "d1", tree / "d1" / "f1", tree / "link", tree / "d2" / "d")}
    assert given == {DAEMON.pw_uid}
    assert (secret.stat().st_uid, stat.S_IMODE((tree / "d1").stat().st_mode)) == (0, 0o750)


def test_only_regular_files_below_real_folders_are_read(folder: Path) -> None:
    (folder / "tree" / "a").mkdir(parents=True)
    (folder / "tree" / "a" / "file").write_text("text")
    (folder / "tree" / "a" / "link").symlink_to("file")
    (folder / "tree" / "b").symlink_to("a")
    os.mkfifo(folder / "tree" / "pipe")
    tree = folder / "tree"
    assert trees.read(tree, "a/file", limit=4) == b"text"
    assert trees.read(tree, "a/file", limit=3) is None
    for name in ("a/link", "b/file", "pipe", "a", "missing", "../tree/a/file", "/etc/passwd", "a//file"):
        assert trees.read(tree, name, limit=100) is None, name


def test_names_are_matched_level_by_level_and_links_are_not_followed(folder: Path) -> None:
    for name in ("lib/python3.12/one.dist-info", "lib/python3.13", "other/python3.12"):
        (folder / name).mkdir(parents=True)
    (folder / "lib" / "python3.14").symlink_to("python3.12")
    (folder / "lib" / "python3.12" / "one.dist-info" / "RECORD").write_text("")
    found = list(trees.matching(folder, "lib", "python*", "*.dist-info", "RECORD"))
    assert found == ["lib/python3.12/one.dist-info/RECORD"]
    assert list(trees.matching(folder, "missing", "*")) == []


def test_a_folder_is_made_in_one_that_a_user_owns_unless_a_link_is_there(folder: Path) -> None:
    owner = (NOBODY.pw_uid, NOBODY.pw_gid) if ROOT else None
    home = owned(folder / "home", NOBODY) if ROOT else folder
    trees.folder_below(home, "tmp", mode=0o700, owner=owner)
    assert stat.S_IMODE((home / "tmp").stat().st_mode) == 0o700
    assert (home / "tmp").stat().st_uid == (NOBODY.pw_uid if ROOT else os.geteuid())
    (home / "to").symlink_to(canaries(folder))
    trees.folder_below(home, "to", mode=0o700, owner=owner)
    assert untouched(folder / "canaries")
