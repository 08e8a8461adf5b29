"""Control groups: where they can be made, what is written into them, and how they end; real ones where there are any."""

import functools
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dz.adapters.walls import cgroups
from dz.adapters.walls.cgroups import Tree, Use
from dz.adapters.walls.limits import MIB, Limits

LIMITS = Limits(
    memory_bytes=64 * MIB, processes=9, cpus=1.5, cpu_weight=25, project_memory_bytes=96 * MIB, project_processes=20
)


def process(tmp_path: Path, mounts: str, groups: str) -> Path:
    """Return a folder that says what /proc/self would."""
    folder = tmp_path / "self"
    folder.mkdir()
    (folder / "mountinfo").write_text(mounts)
    (folder / "cgroup").write_text(groups)
    return folder


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("cgroup.procs", "cgroup.subtree_control"):
        (folder / name).touch()
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(content)
    return folder


def test_version_2_is_taken_where_it_has_the_controllers(tmp_path: Path) -> None:
    top = group(
        tmp_path / "a b", cgroup_controllers="cpuset cpu io memory pids\n", cgroup_subtree_control="memory pids\n"
    )
    mounts = f"1 2 0:3 / {str(top).replace(' ', chr(92) + '040')} rw - cgroup2 cgroup2 rw,nsdelegate\n"
    mounts += f"1 2 0:3 / {tmp_path}/memory rw - cgroup cgroup rw,memory\n"
    group(tmp_path / "memory")
    found = cgroups.trees(process(tmp_path, mounts, "0::/user.slice\n4:memory:/\n"))
    assert found == (Tree(top, ("memory", "pids", "cpu"), unified=True),)
    assert (top / "cgroup.subtree_control").read_text().startswith("+cpu")


def test_version_1_is_taken_where_version_2_is_empty(tmp_path: Path) -> None:
    group(tmp_path / "unified", cgroup_controllers="hugetlb\n")
    memory, both = group(tmp_path / "memory"), group(tmp_path / "cpu,cpuacct")
    mounts = f"1 2 0:3 / {tmp_path}/unified rw - cgroup2 cgroup2 rw\n"
    mounts += f"1 2 0:4 / {memory} rw - cgroup cgroup rw,memory\n1 2 0:5 / {both} rw - cgroup cgroup rw,cpu,cpuacct\n"
    mounts += f"1 2 0:6 / {tmp_path}/freezer rw - cgroup cgroup rw,freezer\n"
    found = cgroups.trees(process(tmp_path, mounts, "4:memory:/x\n3:cpu,cpuacct:/y\n0::/\n"))
    assert found == (Tree(memory, ("memory",), unified=False), Tree(both, ("cpu",), unified=False))


def test_a_user_has_the_outermost_group_that_was_handed_to_it(tmp_path: Path) -> None:
    inner = group(tmp_path / "slice" / "user@7" / "app", cgroup_controllers="memory pids\n")
    outer = group(inner.parent, cgroup_controllers="memory pids\n", cgroup_subtree_control="memory pids\n")
    group(tmp_path / "slice")
    (tmp_path / "slice" / "cgroup.procs").unlink()  # root could write there, too
    mounts = f"1 2 0:3 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    found = cgroups.trees(process(tmp_path, mounts, "0::/slice/user@7/app\n"))
    assert found == (Tree(outer, ("memory", "pids"), unified=True),)


def test_within_a_container_the_mount_shows_only_its_own_group(tmp_path: Path) -> None:
    group(tmp_path, cgroup_controllers="memory pids\n")
    mounts = f"1 2 0:3 /docker/1 {tmp_path} rw - cgroup2 cgroup2 rw\n"
    assert cgroups.trees(process(tmp_path, mounts, "0::/docker/1\n"))[0].folder == tmp_path


def test_without_groups_there_are_no_limits_and_no_error(tmp_path: Path) -> None:
    assert cgroups.trees(process(tmp_path, "1 2 0:3 / /proc rw - proc proc rw\n", "0::/\n")) == ()
    assert cgroups.trees(tmp_path / "none") == ()
    assert cgroups.enter("a/b/c", LIMITS, within=()) == []
    assert cgroups.use("a/b/c", within=()) == Use()
    assert cgroups.remove("a/b/c", within=())


def test_what_is_written_in_version_2(tmp_path: Path) -> None:
    """The files of a tree that is not the kernel's: it would make them itself."""
    files = {"memory_max": "", "memory_swap.max": "", "pids_max": "", "cpu_weight": "", "cpu_max": ""}
    for name in ("dz", "dz/p1", "dz/p1/step"):
        group(tmp_path / name, cgroup_controllers="cpu memory pids", cgroup_subtree_control="cpu memory pids", **files)
    tree = Tree(tmp_path, ("memory", "pids", "cpu"), unified=True)
    [descriptor] = cgroups.enter("dz/p1/step", LIMITS, within=[tree])
    cgroups.join([descriptor])
    os.close(descriptor)

    def read(name: str) -> list[str]:
        return [(tmp_path / name / file.replace("_", ".", 1)).read_text() for file in files]

    assert read("dz") == ["max", "max", "max", "1000", "max 100000"]
    assert read("dz/p1") == [str(96 * MIB), "0", "20", "100", "max 100000"]
    assert read("dz/p1/step") == [str(64 * MIB), "0", "9", "25", "150000 100000"]
    assert (tmp_path / "dz/p1/step/cgroup.procs").read_text() == "0"
    (tmp_path / "dz/p1/step/memory.events").write_text("low 0\nhigh 0\nmax 31\noom 3\noom_kill 2\n")
    (tmp_path / "dz/p1/step/pids.events").write_text("max 5\n")
    assert cgroups.use("dz/p1/step", within=[tree]) == Use(2, 5)
    assert Use(2, 5).since(Use(1, 5)) == Use(1, 0)


REAL = cgroups.trees()
real = pytest.mark.skipif(not REAL, reason="this process may make no control groups")


@pytest.fixture
def own() -> Iterator[str]:
    """The name of an installation whose groups are gone after the test."""
    name = f"djangozoom-test-{uuid.uuid4().hex[:8]}"
    yield name
    cgroups.sweep(name, older=0)


def within(group: str, code: str, limits: Limits = LIMITS) -> "subprocess.Popen[str]":
    """Start a program in a group, as its launcher does."""
    descriptors = cgroups.enter(group, limits)
    words = [sys.executable, "-I", "-c", code]
    enter = functools.partial(cgroups.join, descriptors)
    started = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=enter)  # noqa: PLW1509 - no threads
    for descriptor in descriptors:
        os.close(descriptor)
    return started


@real
def test_a_program_that_takes_too_much_memory_is_ended_and_counted(own: str) -> None:
    hog = within(f"{own}/p1/step", "a = bytearray(200 * 2**20)\nfor i in range(0, len(a), 4096): a[i] = 1")
    assert hog.wait(30) == -signal.SIGKILL
    assert cgroups.use(f"{own}/p1/step").killed > 0
    assert cgroups.remove(f"{own}/p1/step")
    assert not [tree for tree in REAL if (tree.folder / own).exists()]


@real
def test_processes_are_refused_and_counted_however_often_they_fork(own: str) -> None:
    code = "import os, signal\ntry:\n  while True: os.fork() or signal.pause()\nexcept OSError: print('full', flush=True)\n"
    code += "signal.pause()"
    bomb = within(f"{own}/p1/step", code)
    assert bomb.stdout
    assert bomb.stdout.readline() == "full\n"
    assert cgroups.use(f"{own}/p1/step").refused > 0
    members = {int(pid) for tree in REAL for pid in (tree.folder / own / "p1/step/cgroup.procs").read_text().split()}
    assert len(members) == 9
    for pid in members:
        os.kill(pid, signal.SIGKILL)
    bomb.wait(10)
    assert cgroups.remove(f"{own}/p1/step")


@real
def test_what_a_crash_left_is_swept_and_what_runs_stays(own: str) -> None:
    running = within(f"{own}/p1/app-1", "import time; time.sleep(60)")
    for descriptor in cgroups.enter(f"{own}/p2/step", LIMITS):
        os.close(descriptor)
    assert cgroups.sweep(own) == []  # somebody may be about to enter
    assert cgroups.sweep(own, older=0) == [f"{own}/p2", f"{own}/p2/step"]
    assert cgroups.sweep(own, older=0) == []
    running.kill()
    running.wait()
    assert cgroups.sweep(own, older=0) == [own, f"{own}/p1", f"{own}/p1/app-1"]


@pytest.mark.skipif(not Path("/sys/fs/cgroup/unified/cgroup.procs").exists(), reason="no tree of version 2 here")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes groups there")
def test_what_is_still_in_a_group_of_version_2_is_ended_with_it(own: str) -> None:
    tree = Tree(Path("/sys/fs/cgroup/unified"), (), unified=True)
    folder = tree.folder / own / "p1" / "step"
    folder.mkdir(parents=True)
    program = subprocess.Popen(["sleep", "60"])
    (folder / "cgroup.procs").write_text(str(program.pid))
    assert cgroups.remove(f"{own}/p1/step", within=[tree])
    assert program.wait(10) == -signal.SIGKILL
    assert not (tree.folder / own).exists()


def test_people_are_told_which_limits_are_in_force(tmp_path: Path) -> None:
    everything = Tree(tmp_path, ("memory", "pids", "cpu"), unified=True)
    usual = "files, /tmp and processes by the kernel's usual limits"
    assert cgroups.in_force([everything]) == f"memory, processes, processors by control groups (version 2); {usual}"
    assert cgroups.in_force([]) == (
        f"{usual}; not bounded, because this process may make no control groups for them: memory and processors"
    )
