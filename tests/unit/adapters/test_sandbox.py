"""What runs in a sandbox has no way to more rights, and nothing of it outlives its step."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dz.adapters.processes import Finished
from dz.adapters.sandbox import UserSandbox
from dz.adapters.walls import confinement
from dz.adapters.walls.limits import Limits
from dz.errors import WallsMissing

LEAVE = "import os, subprocess, sys\nq = open(os.devnull, 'r+')\nsubprocess.Popen([sys.executable, '-c', "
LEAVE += (
    "'import os, time\\nos.setsid()\\nif os.fork(): os._exit(0)\\ntime.sleep(99)', sys.argv[1]], stdout=q, stderr=q)\n"
)


def run(program: str, *words: str, timeout: float = 20) -> Finished:
    sandbox = UserSandbox("nobody" if os.geteuid() == 0 else None, Path("/tmp"))
    return sandbox.run(["/usr/bin/env", "python3", "-c", program, *words], cwd=Path("/"), env={}, timeout=timeout)


def alive(mark: str) -> list[int]:
    return [p.pid for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


@pytest.mark.parametrize(("rest", "timeout", "timed_out"), [("", 20, False), ("import time; time.sleep(60)", 2, True)])
def test_what_left_its_session_dies_with_the_step(rest: str, timeout: float, timed_out: object) -> None:
    mark = f"leftover-{os.getpid()}-{timed_out}"
    assert run(LEAVE + rest, mark, timeout=timeout).timed_out is timed_out
    assert alive(mark) == []


def test_no_new_privileges_and_the_projects_own_user() -> None:
    output = run("print(open('/proc/self/status').read())").output
    assert "NoNewPrivs:\t1" in output
    assert "Uid:\t0" not in output


def test_the_end_of_the_program_is_reported_as_it_was() -> None:
    assert run("print('x'); raise SystemExit(7)").returncode == 7
    assert run("import os; os.kill(os.getpid(), 9)").returncode == -signal.SIGKILL
    assert run("import os; print(sorted(os.environ))").output.strip() == str(sorted(["HOME", "LANG", "LC_ALL", "PATH"]))


def test_a_program_finds_the_sandboxs_home_unless_it_is_given_another(tmp_path: Path) -> None:
    sandbox = UserSandbox(None, tmp_path)
    words = ["/usr/bin/env"]
    assert f"HOME={tmp_path}\n" in sandbox.run(words, cwd=tmp_path, env={}, timeout=20).output
    assert "HOME=/\n" in sandbox.run(words, cwd=tmp_path, env={"HOME": "/"}, timeout=20).output


def test_where_no_walls_can_be_had_nothing_runs_and_the_operator_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    ran = tmp_path / "ran"
    sandbox = UserSandbox(None, tmp_path, replace(confinement.of_this_server(), bwrap=broken))
    with pytest.raises(WallsMissing, match=r"No permissions to create a new namespace(?s:.)*DZ_ISOLATION=user"):
        sandbox.run(["/usr/bin/touch", ran], cwd=tmp_path, env={}, timeout=20, writes=[tmp_path])
    assert not ran.exists()


def test_a_program_may_end_with_any_code_itself() -> None:
    assert run("raise SystemExit(125)").returncode == 125


def test_no_program_writes_a_file_without_end(tmp_path: Path) -> None:
    sandbox = UserSandbox(None, tmp_path, limits=Limits(file_bytes=1000))
    done = sandbox.run(
        ["/bin/dd", "if=/dev/zero", "of=big", "bs=1", "count=2000"], cwd=tmp_path, env={}, timeout=20, writes=[tmp_path]
    )
    assert not done.ok
    assert (tmp_path / "big").stat().st_size == 1000


FORK = """
import os, signal
count = 0
try:
    while count < 200:
        if not os.fork():
            signal.pause()
        count += 1
except BlockingIOError:
    print("stopped after", count)
"""


def test_no_program_forks_without_end_whoever_else_has_processes(tmp_path: Path) -> None:
    sandbox = UserSandbox("nobody" if os.geteuid() == 0 else None, Path("/tmp"), limits=Limits(processes=30))
    done = sandbox.run(["/usr/bin/python3", "-c", FORK], cwd=Path("/"), env={}, timeout=30)
    assert done.output.startswith("stopped after 2")


def test_temporary_files_and_open_files_are_bounded(tmp_path: Path) -> None:
    limits = Limits(temporary_bytes=10**6, shared_bytes=10**5, open_files=20)
    sandbox = UserSandbox("nobody" if os.geteuid() == 0 else None, Path("/var/tmp"), limits=limits)
    code = """
import os, resource
for folder in ("/tmp", "/dev/shm"):
    with open(folder + "/big", "wb", 0) as file:
        try:
            while True: file.write(bytes(4096))
        except OSError as error:
            print(folder, error.strerror, file.tell())
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = sandbox.run(["/usr/bin/python3", "-c", code], cwd=Path("/"), env={}, timeout=30)
    full = "No space left on device"
    assert done.output == f"/tmp {full} 1003520\n/dev/shm {full} 102400\n(20, 20)\n"
