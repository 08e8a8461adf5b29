"""Control groups of Linux: what all processes of one program use together, however often they fork.

Each program gets a group of its own below that of its project, below that of this installation of the platform. Its launcher
makes the group and opens it, and the program's first process enters before it becomes the program, so that nothing it starts is
outside. Version 2 is taken where it has the controllers, else version 1, where each controller has a tree of its own.
Only the platform can write here: a project sees none of it.
Sources: cgroups(7), the kernel's admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/.
"""

import contextlib
import errno
import hashlib
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.adapters.walls.limits import Limits

CONTROLLERS = ("memory", "pids", "cpu")
_PERIOD = 100_000
"""Microseconds over which the time of processors is counted; the kernel's own choice."""
_SHARES = 1024
"""What version 1 calls the weight of 100."""
_INSTALLATION_WEIGHT = 1000
"""All projects together, beside the platform's own programs: each of those has the weight of 100."""
_PATIENCE = 2.0
"""Seconds in which the processes of an ended program are gone from its group."""
_TRIES = 10
_OCTAL = re.compile(r"\\(\d{3})")


@dataclass(frozen=True)
class Tree:
    """A tree of groups in which this process may make some.

    Args:
        folder: the group below which it makes them.
        controllers: what it bounds, of CONTROLLERS.
        unified: it is the one tree of version 2.
    """

    folder: Path
    controllers: tuple[str, ...]
    unified: bool


@dataclass(frozen=True)
class Use:
    """What happened in a group so far.

    Args:
        killed: processes that the kernel has ended for want of memory.
        refused: processes that could not be started because there were too many.
    """

    killed: int = 0
    refused: int = 0

    def since(self, before: "Use") -> "Use":
        """Return what happened after `before`."""
        return Use(self.killed - before.killed, self.refused - before.refused)


NOTHING = Use()


def trees(process: Path = Path("/proc/self")) -> tuple[Tree, ...]:
    """Return the trees in which this process may make groups; none where it has no right to.

    Args:
        process: the folder of this process in /proc.
    """
    try:
        mounts = (process / "mountinfo").read_text("utf-8").splitlines()
        groups = (process / "cgroup").read_text("utf-8").splitlines()
    except OSError:
        return ()
    own = {tuple(names.split(",")): path for _, names, path in (line.split(":", 2) for line in groups)}
    first: list[Tree] = []
    for line in mounts:
        words, _, rest = line.partition(" - ")
        root, point = (_plain(word) for word in words.split()[3:5])
        kind, _, options = rest.split()
        if kind == "cgroup2":
            first += _unified(Path(point), own.get(("",), "/"), root)
        elif kind == "cgroup":
            found = tuple(name for name in CONTROLLERS if name in options.split(","))
            path = next((path for names, path in own.items() if set(found) & set(names)), "/")
            folder = _writable(Path(point), path, root) if found else None
            first += [Tree(folder, found, unified=False)] if folder else []
    whole = [tree for tree in first if tree.unified]
    return tuple(whole[:1] or first)


def _plain(word: str) -> str:
    """Return a word of mountinfo, where blanks are written as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), word)


def _unified(point: Path, own: str, root: str) -> list[Tree]:
    """Return the tree of version 2, if groups in it can bound memory and processes."""
    folder = _writable(point, own, root)
    if not folder or not {"memory", "pids"} <= set(_words(folder / "cgroup.controllers")):
        return []
    with contextlib.suppress(OSError):
        return [Tree(folder, _handed_on(folder), unified=True)]
    return []


def _writable(point: Path, own: str, root: str) -> Path | None:
    """Return the outermost group, from the mount point down to this process's own, below which it may make groups."""
    inside = Path(own).relative_to(root) if Path(own).is_relative_to(root) else Path(own.lstrip("/"))
    paths = [point]
    for part in inside.parts:
        paths.append(paths[-1] / part)
    return next(
        (path for path in paths if os.access(path, os.W_OK) and os.access(path / "cgroup.procs", os.W_OK)), None
    )


def _handed_on(folder: Path) -> tuple[str, ...]:
    """Let the groups below one of version 2 bound what it can itself; raises OSError if processes in it prevent that."""
    offered, on = _words(folder / "cgroup.controllers"), _words(folder / "cgroup.subtree_control")
    wanted = [name for name in CONTROLLERS if name in offered]
    if missing := [f"+{name}" for name in wanted if name not in on]:
        _write(folder / "cgroup.subtree_control", " ".join(missing))
    return tuple(wanted)


def of_installation(state: Path) -> str:
    """Return the name of the group of an installation, whose state lies in a folder of its own."""
    return f"djangozoom-{hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]}"


def in_force(within: Sequence[Tree]) -> str:
    """Say what is bounded on a server."""
    by_group = [name for name in CONTROLLERS if any(name in tree.controllers for tree in within)]
    found = {"memory": "memory", "pids": "processes", "cpu": "processors"}
    version = "2" if any(tree.unified for tree in within) else "1"
    have = f"{', '.join(found[name] for name in by_group)} by control groups (version {version})" if by_group else ""
    missing = [found[name] for name in ("memory", "cpu") if name not in by_group]
    lacking = (
        f"not bounded, because this process may make no control groups for them: {' and '.join(missing)}"
        if missing
        else ""
    )
    return "; ".join(
        [*filter(None, [have]), "files, /tmp and processes by the kernel's usual limits", *filter(None, [lacking])]
    )


def enter(group: str, limits: Limits, *, within: Sequence[Tree] | None = None) -> list[int]:
    """Make a group with its limits, and return descriptors through which processes enter it: see `join`.

    Args:
        group: names of the installation, the project and the program, with `/` between them.
        within: the trees; None: those of this process.

    Raises:
        OSError: the group cannot be made.
    """
    found: list[int] = []
    for tree in trees() if within is None else within:
        for left in reversed(range(_TRIES)):
            try:
                folder = _made(tree, group, limits)
                found.append(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
                break
            except FileNotFoundError:  # a program of the project has just ended, and taken its groups along
                if not left:
                    raise
    return found


def join(descriptors: Iterable[int]) -> None:
    """Put this process into a group; what it starts is in it, too. It may have changed its user after `enter`."""
    for descriptor in descriptors:
        os.write(descriptor, b"0")


def _made(tree: Tree, group: str, limits: Limits) -> Path:
    *parents, program = group.split("/")
    folder = tree.folder
    for depth, name in enumerate(parents):
        folder = folder / name
        folder.mkdir(exist_ok=True)
        if tree.unified:
            _handed_on(folder)
        of_projects = Limits(memory_bytes=limits.project_memory_bytes, processes=limits.project_processes)
        of_all = Limits(processes=None, cpu_weight=_INSTALLATION_WEIGHT)
        _bound(folder, tree, of_projects if depth else of_all)
    folder = folder / program
    folder.mkdir(exist_ok=True)
    _bound(folder, tree, limits)
    return folder


def _bound(folder: Path, tree: Tree, limits: Limits) -> None:
    """Write the limits of a group."""
    memory, quota = limits.memory_bytes, int(limits.cpus * _PERIOD) if limits.cpus else None
    if tree.unified:
        _write(folder / "memory.max", memory or "max")
        _offer(folder / "memory.swap.max", 0 if memory else "max")
        _write(folder / "pids.max", limits.processes or "max")
        _offer(folder / "cpu.weight", limits.cpu_weight)
        _offer(folder / "cpu.max", f"{quota or 'max'} {_PERIOD}")
        return
    if "memory" in tree.controllers:
        both = folder / "memory.memsw.limit_in_bytes"  # memory and what is swapped out; never less than the other
        _offer(both, -1)
        _write(folder / "memory.limit_in_bytes", memory or -1)
        _offer(both, memory or -1)
    if "pids" in tree.controllers:
        _write(folder / "pids.max", limits.processes or "max")
    if "cpu" in tree.controllers:
        _write(folder / "cpu.shares", limits.cpu_weight * _SHARES // 100)
        _offer(folder / "cpu.cfs_quota_us", quota or -1)


def use(group: str, *, within: Sequence[Tree] | None = None) -> Use:
    """Return what happened in a group so far; nothing, where there is none."""
    killed = refused = 0
    for tree in trees() if within is None else within:
        folder = tree.folder / group
        if "memory" in tree.controllers:
            killed = _count(folder / ("memory.events" if tree.unified else "memory.oom_control"), "oom_kill")
        if "pids" in tree.controllers:
            refused = _count(folder / "pids.events", "max")
    return Use(killed, refused)


def remove(group: str, *, within: Sequence[Tree] | None = None) -> bool:
    """Remove a group, and those above it in which it was the last; say whether its processes have ended in a moment."""
    gone = True
    for tree in trees() if within is None else within:
        folder = tree.folder / group
        gone = _emptied(folder) and gone
        with contextlib.suppress(OSError):
            for name in range(group.count("/")):
                folder.parents[name].rmdir()
    return gone


def _emptied(folder: Path) -> bool:
    end, pause = time.monotonic() + _PATIENCE, 0.002
    while time.monotonic() < end:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _end(folder)
            time.sleep(pause)
            pause = min(0.1, 2 * pause)
        else:
            return True
    return False


def _end(folder: Path) -> None:
    """End what is still in a group; version 1 has no order for it, so there its launcher alone does."""
    with contextlib.suppress(OSError):
        _write(folder / "cgroup.kill", 1)


def sweep(installation: str, *, older: float = 60, within: Sequence[Tree] | None = None) -> list[str]:
    """Remove the groups of an installation that nobody is in any more, such as those that a crash has left.

    Returns their names.

    Args:
        older: seconds since a group was made; into a younger one a process may be about to enter.
    """
    removed: list[str] = []
    for tree in trees() if within is None else within:
        for depth in ("/*/*", "/*", ""):
            for folder in sorted(tree.folder.glob(f"{installation}{depth}/")):
                with contextlib.suppress(OSError):  # it is in use
                    if time.time() - folder.stat().st_mtime < older:
                        continue
                    folder.rmdir()
                    removed.append(str(folder.relative_to(tree.folder)))
    return sorted(set(removed))


def _write(path: Path, value: object) -> None:
    """Write to a file of the kernel, which takes a value whole or refuses it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def _offer(path: Path, value: object) -> None:
    """Write to a file that a kernel may lack, or refuse to change just now."""
    with contextlib.suppress(OSError):
        _write(path, value)


def _words(path: Path) -> list[str]:
    return path.read_text("ascii").split() if path.exists() else []


def _count(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in path.read_text("ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
