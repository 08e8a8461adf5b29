"""Which limit a program has met, and what people are told of it."""

import pytest

from dz.adapters.processes import Finished
from dz.adapters.walls import exceeded
from dz.adapters.walls.cgroups import Use
from dz.adapters.walls.limits import MIB, Limits
from dz.errors import DiskFull, FileTooLarge, OutOfMemory, TooManyOpenFiles, TooManyProcesses

LIMITS = Limits(memory_bytes=300 * MIB, processes=40, file_bytes=5 * MIB, temporary_bytes=7 * MIB, open_files=99)
THREAD = "RuntimeError: can't start new thread"
FORK = "  pid = os.fork()\nBlockingIOError: [Errno 11] Resource temporarily unavailable"
DASH = "sh: 1: Cannot fork"
BASH = "bash: fork: retry: Resource temporarily unavailable"


def ended(output: str = "", code: int = 1, *, timed_out: bool = False) -> Finished:
    return Finished(("x",), code, output, timed_out, 1)


@pytest.mark.parametrize(
    ("done", "use", "kind", "value", "setting"),
    [
        (ended("Killed", 137), Use(killed=1), OutOfMemory, "300 MiB", "DZ_BUILD_MEMORY_MB"),
        (ended("error: command 'cc' failed"), Use(killed=1, refused=3), OutOfMemory, "300 MiB", "DZ_BUILD_MEMORY_MB"),
        (ended("no more"), Use(refused=1), TooManyProcesses, "40 processes", "DZ_BUILD_PROCESSES"),
        *(
            (ended(said), Use(), TooManyProcesses, "40 processes", "DZ_BUILD_PROCESSES")
            for said in (THREAD, FORK, DASH, BASH)
        ),
        (ended("", -25), Use(), FileTooLarge, "5 MiB", "DZ_FILE_MB"),
        (ended("", 153), Use(), FileTooLarge, "5 MiB", "DZ_FILE_MB"),
        (ended("OSError: [Errno 27] File too large"), Use(), FileTooLarge, "5 MiB", "DZ_FILE_MB"),
        (ended("cp: /tmp/x: No space left on device"), Use(), DiskFull, "/tmp holds 7 MiB", "DZ_BUILD_TMP_MB"),
        (ended("OSError: [Errno 24] Too many open files: 'a'"), Use(), TooManyOpenFiles, "99 files", "DZ_OPEN_FILES"),
    ],
)
def test_it_is_named_with_its_value_and_with_the_setting_that_raises_it(done, use, kind, value, setting):
    found = exceeded.of(done, LIMITS, use)
    assert type(found) is kind
    assert value in found.found
    assert setting in found.remedy


@pytest.mark.parametrize(
    "done", [ended(THREAD, 0), ended(THREAD, -9, timed_out=True), ended("BlockingIOError: [Errno 11] x")]
)
def test_what_ends_well_or_in_another_way_has_met_none(done):
    assert exceeded.of(done, LIMITS, Use()) is None


def test_of_a_site_the_owner_is_told_the_key():
    site = Limits(stage="site", memory_bytes=300 * MIB)
    found = exceeded.counted(site, Use(killed=1), "")
    assert found
    assert found.found == (
        "A process of the site needed more than the 300 MiB of memory that it may use, so the kernel has ended it."
    )
    assert found.remedy == (
        "Make it need less, raise `memory_mb` in zoombuild.cfg as far as the operator allows, or ask the operator to raise "
        "DZ_SITE_MEMORY_MB."
    )
