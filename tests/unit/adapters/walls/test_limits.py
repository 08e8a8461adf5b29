"""How much programs of projects may use on servers of several sizes."""

import resource

import pytest

from dz.adapters.walls.limits import GIB, MIB, Limits, Machine, machine, of_builds, of_sites


@pytest.mark.parametrize(
    ("gib", "cores", "site", "build", "cpus"),
    [
        (1, 1, 512 * MIB, 2 * GIB, 1),
        (8, 2, GIB, 2 * GIB, 2),
        (24, 8, 2 * GIB, 6 * GIB, 4),
        (256, 64, 2 * GIB, 8 * GIB, 32),
    ],
)
def test_they_follow_the_size_of_the_machine(gib: int, cores: int, site: int, build: int, cpus: float) -> None:
    of = Machine(gib * GIB, cores)
    assert (of_sites(of).memory_bytes, of_builds(of).memory_bytes) == (site, build)
    assert (of_sites(of).cpus, of_builds(of).cpus) == (cpus, cpus)


def test_the_operator_chooses_what_the_size_of_the_machine_would_say() -> None:
    found = of_sites(Machine(8 * GIB, 2), memory_bytes=300 * MIB, cpus=None, processes=77)
    assert (found.memory_bytes, found.temporary_bytes, found.cpus, found.processes) == (300 * MIB, 150 * MIB, 2, 77)
    assert of_builds(Machine(8 * GIB, 2), cpus=0.5, memory_bytes=None).cpus == 0.5


def test_a_build_yields_its_processors_to_sites() -> None:
    of = machine()
    assert of_builds(of).cpu_weight < of_sites(of).cpu_weight


def test_files_in_tmp_leave_memory_for_processes() -> None:
    found = of_sites(Machine(GIB, 1))
    assert found.memory_bytes
    assert found.temporary_bytes + found.shared_bytes < found.memory_bytes


def test_processes_are_counted_where_the_kernel_can_tell_whose_they_are() -> None:
    limits = Limits(processes=300)
    nobodys = limits.of_each_process(own_user=False, own_namespace=False)
    assert resource.RLIMIT_NPROC not in dict(nobodys)
    own = dict(limits.of_each_process(own_user=False, own_namespace=True))
    users = dict(limits.of_each_process(own_user=True, own_namespace=False))
    assert (own[resource.RLIMIT_NPROC], users[resource.RLIMIT_NPROC]) == (300, 2000)
