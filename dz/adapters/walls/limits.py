"""How much the processes of one program of a project may use, and which of that a server can bound.

It is a value without a mechanism: cgroups, setrlimit(2) and sized file systems bring it about (`cgroups.py`, `launcher.py`,
`confinement.py`), or the engine of containers.
"""

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MIB, GIB = 1024**2, 1024**3
FILE_BYTES = 2 * GIB
MOST_PROCESSES = 2000
"""Processes that a Unix user of a project may have, where the kernel cannot count those of one program."""
_COUNTS_BY_NAMESPACE = (5, 14)
"""The kernel that first counts the processes of a user in each user namespace apart; see user_namespaces(7)."""


@dataclass(frozen=True)
class Limits:
    """How much the processes of one program may use together; None: as much as there is.

    Args:
        stage: whose settings they come from.
        memory_bytes: memory, with that of files in /tmp and /dev/shm.
        processes: processes and threads at once.
        cpu_weight: the share of processors that others want, too; 100 is usual.
        cpus: processors that may be busy at once.
        open_files: descriptors of each process.
        file_bytes: the largest file.
        temporary_bytes: all files in /tmp.
        shared_bytes: all files in /dev/shm; 64 MiB is what Docker gives a container.
        project_memory_bytes: memory of all programs of the project on this server together.
        project_processes: processes and threads of all these programs together.
    """

    stage: Literal["build", "site"] = "build"
    memory_bytes: int | None = None
    processes: int | None = 512
    cpu_weight: int = 100
    cpus: float | None = None
    open_files: int = 4096
    file_bytes: int = FILE_BYTES
    temporary_bytes: int = GIB
    shared_bytes: int = 64 * MIB
    project_memory_bytes: int | None = None
    project_processes: int | None = None

    def of_each_process(self, *, own_user: bool, own_namespace: bool) -> list[tuple[int, int]]:
        """Return pairs of a resource of setrlimit(2) and its limit; core dumps are always off.

        Args:
            own_user: the program runs as a Unix user that runs programs of one project only.
            own_namespace: the limits are set in a user namespace that is the program's alone.
        """
        found = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, self.file_bytes)]
        found.append((resource.RLIMIT_NOFILE, self.open_files))
        if own_namespace and self.processes and _kernel() >= _COUNTS_BY_NAMESPACE:
            found.append((resource.RLIMIT_NPROC, self.processes))
        elif own_user:
            found.append((resource.RLIMIT_NPROC, max(MOST_PROCESSES, self.processes or 0)))
        return [(kind, min(value, _highest(kind))) for kind, value in found]


USUAL = Limits()
"""What holds where nothing is known of the server."""


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


def _highest(kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return 2**62 if hard == resource.RLIM_INFINITY else hard


@dataclass(frozen=True)
class Machine:
    """The size of a server.

    Args:
        memory_bytes: what its programs may use together.
        cores: processors that this process may use.
    """

    memory_bytes: int
    cores: int


def machine() -> Machine:
    """Return the size of this server, or of the container that this process runs in."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    bounds = [int(text) for path in _OF_A_CONTAINER if (text := _text(path)).isdigit()]
    return Machine(min([physical, *bounds]), len(os.sched_getaffinity(0)))


_OF_A_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


def of_sites(of: Machine, **given: Any) -> Limits:
    """Return what one app instance may use: an eighth of the memory, but half a GiB at least and 2 GiB at most.

    Args:
        given: values of fields of `Limits` that the operator has chosen; None: the server's size says it.
    """
    wanted = _chosen(given)
    memory = wanted.get("memory_bytes", _between(of.memory_bytes // 8, 512 * MIB, 2 * GIB))
    usual = _of_projects(of) | {"stage": "site", "memory_bytes": memory, "temporary_bytes": min(GIB, memory // 2)}
    return Limits(**(usual | wanted))


def of_builds(of: Machine, **given: Any) -> Limits:
    """Return what one step of a build or check may use: a quarter of the memory, but 2 GiB at least and 8 GiB at most.

    Args:
        given: see `of_sites`.
    """
    memory = _between(of.memory_bytes // 4, 2 * GIB, 8 * GIB)
    usual = _of_projects(of) | {"memory_bytes": memory, "processes": 1024, "cpu_weight": 25}
    return Limits(**(usual | _chosen(given)))


def _of_projects(of: Machine) -> dict[str, Any]:
    """Return what all programs have: half of the processors, but two at least; a project has half of the memory."""
    cpus = float(max(min(2, of.cores), of.cores // 2))
    return {"cpus": cpus, "project_memory_bytes": max(of.memory_bytes // 2, 2 * GIB), "project_processes": 4096}


def _chosen(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _between(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))
