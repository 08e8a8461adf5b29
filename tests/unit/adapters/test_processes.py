import os
import pwd
import re
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from dz.adapters import processes
from dz.adapters.processes import OUTPUT_LIMIT, Finished, Limits

ENV = {"PATH": "/usr/bin:/bin"}


def run(code: str, *, timeout: float = 20, **more) -> Finished:
    return processes.run([sys.executable, "-S", "-c", code], cwd=Path("/"), env=ENV, timeout=timeout, **more)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_is_inherited_but_what_is_given(monkeypatch):
    monkeypatch.setenv("PLATFORM_PASSWORD", "x")
    done = run("import os, sys; print(sorted(os.environ), os.getcwd(), sys.stdin.read(), oct(os.umask(0)))")
    assert done.output == "['LC_CTYPE', 'PATH'] /  0o22\n"


def test_how_a_program_ended_is_told_with_all_that_it_said():
    done = run("import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True); sys.exit(3)")
    assert (done.ok, done.returncode, done.output, done.timed_out) == (False, 3, "one\ntwo\n", False)
    assert done.tail(1) == "two"
    assert run("pass").ok
    assert run("import os; os.kill(os.getpid(), 11)").returncode == -signal.SIGSEGV


def test_a_program_that_cannot_be_started_is_an_os_error():
    with pytest.raises(FileNotFoundError):
        processes.run(["/no/such/program"], cwd=Path("/"), env=ENV, timeout=5)


def test_a_program_whose_time_is_over_is_killed_with_its_children():
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    done = run(code, timeout=1)
    assert (done.timed_out, done.ok, done.returncode) == (True, False, -signal.SIGKILL)
    assert done.seconds < 10
    deadline = time.monotonic() + 10
    while runs(int(done.output)):
        assert time.monotonic() < deadline


def test_with_grace_it_may_clean_up_first():
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('x', flush=True); time.sleep(60)"
    done = run(code, timeout=1, grace=10)
    assert (done.timed_out, done.returncode) == (True, 7)


def test_a_child_that_keeps_the_pipe_open_is_not_waited_for():
    begun = time.monotonic()
    done = run("import subprocess; subprocess.Popen(['sleep', '30']); print('done')", timeout=25)
    assert (done.ok, done.output) == (True, "done\n")
    assert time.monotonic() - begun < 15


def test_output_without_end_is_cut_and_marked_and_who_listens_does_not_drown():
    lines = []
    done = run("for n in range(60000): print('line', n)\nprint('no end', end='')", on_line=lines.append)
    assert done.output.startswith("line 0\nline 1\n")
    assert re.search(r"\n\[output truncated: \d+ bytes are left out\]\n", done.output)
    assert done.output.endswith("line 59999\nno end")
    assert len(done.output) <= OUTPUT_LIMIT + 80
    assert lines[-1] == "[too much output: what follows is not shown here]"
    assert lines[:2] == ["line 0", "line 1"]
    assert sum(map(len, lines)) < OUTPUT_LIMIT + 80


def test_bytes_that_are_no_text_do_no_harm():
    assert run("import os; os.write(1, b'\\xff\\xfe')").output == "��"


def test_limits_hold_in_the_program_and_not_here():
    code = "import resource as r; print(*(r.getrlimit(k)[0] for k in (r.RLIMIT_FSIZE, r.RLIMIT_AS, r.RLIMIT_CORE)))"
    assert run(code, limits=Limits(file_bytes=5000, memory_bytes=10**9)).output == "5000 1000000000 0\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_program_may_run_as_another_user_without_the_groups_of_this_one():
    done = processes.run(["/usr/bin/id"], cwd=Path("/"), env=ENV, timeout=20, user="nobody")
    entry = pwd.getpwnam("nobody")
    uid, gid, groups = (int(word.partition("=")[2].partition("(")[0]) for word in done.output.split())
    assert (uid, gid, groups) == (entry.pw_uid, entry.pw_gid, entry.pw_gid)
