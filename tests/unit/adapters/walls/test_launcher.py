"""The process between the platform and a program of a project: how both end, and as whom the program runs."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from dz.adapters.walls import confinement, launcher
from dz.adapters.walls.confinement import Confinement, Walls

NOBODY = 65534


@pytest.fixture(params=["bubblewrap", "user"], autouse=True)
def walls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Walls:
    found = confinement.of_this_server(request.param)
    monkeypatch.setattr(sys.modules[__name__], "WALLS", found)
    return found


WALLS = confinement.of_this_server()


def words(*program: str, user: tuple[int, int] | None = None, writes: Sequence[Path] = ()) -> list[str]:
    place = Path(tempfile.mkstemp()[1])
    wanted = Confinement(
        program,
        Path("/tmp"),
        WALLS.python,
        user=user,
        writes=tuple(writes),
        bwrap=WALLS.bwrap,
        docker=WALLS.docker,
    )
    place.write_text(wanted.to_json())
    return launcher.command(place)


def ended(*program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words(*program), capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("code", [0, 1, 147, 148, 255])
def test_it_ends_with_the_code_of_the_program(code: int) -> None:
    assert ended("/bin/sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_it_ends_by_the_signal_that_the_program_ended_by(number: signal.Signals) -> None:
    assert ended("/bin/sh", "-c", f"kill -{number.value} $$").returncode == -number


def test_a_program_that_cannot_be_started_is_named() -> None:
    done = ended("/no/such/program")
    assert (done.returncode, done.stderr) == (127, "/no/such/program cannot be started: No such file or directory\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_program_has_the_rights_of_its_user_alone() -> None:
    program = words("/bin/cat", "/proc/self/status", user=(NOBODY, NOBODY))
    status = subprocess.run(program, extra_groups=[0, 4], capture_output=True, text=True, check=True).stdout
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (found["Uid"], found["Gid"]) == ("\t".join([str(NOBODY)] * 4), "\t".join([str(NOBODY)] * 4))
    assert (found["Groups"].strip(), found["NoNewPrivs"]) == ("", "1")


def test_without_a_user_the_program_keeps_this_processs_own_and_gets_no_new_rights() -> None:
    status = ended("/bin/cat", "/proc/self/status").stdout
    assert f"Uid:\t{os.getuid()}\t" in status
    assert "NoNewPrivs:\t1" in status


FORKS = "import os, time; os.setsid(); os.fork(); open('{}', 'a').write(f'{{os.getpid()}} '); time.sleep(99)"


@pytest.mark.parametrize("who", ["itself", "its parent"])
def test_all_that_the_program_started_dies_when_it_is_told_to_stop_or_nobody_waits_any_more(
    tmp_path: Path, who: str
) -> None:
    seen = tmp_path / "pids"
    program = words(str(WALLS.python), "-c", FORKS.format(seen), writes=[tmp_path])
    # A parent of its own, which can die without taking this process along.
    parent = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({program!r})"])
    while not seen.exists() or len(seen.read_text().split()) < 2:
        assert parent.poll() is None
        time.sleep(0.02)
    (itself,) = psutil.Process(parent.pid).children()
    left = itself.children(recursive=True)
    assert len(left) >= 2
    (itself if who == "itself" else parent).send_signal(signal.SIGTERM)
    parent.wait(20)
    _, alive = psutil.wait_procs([itself, *left], timeout=10)
    assert alive == []
