"""A program begins once its predecessor is gone; real processes."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.local import begin

_LISTENS = """
import signal, socket, sys, time
one = socket.create_server(("127.0.0.1", 0))
def quit(number, frame):
    one.close()
    if sys.argv[1] == "drains":
        return
    sys.exit(0)
signal.signal(signal.SIGQUIT, signal.SIG_IGN if sys.argv[1] == "deaf" else quit)
print(one.getsockname()[1], flush=True)
while True:
    time.sleep(0.1)
"""


@pytest.fixture
def child(tmp_path: Path):
    started: list[subprocess.Popen[str]] = []

    def start(kind: str) -> "subprocess.Popen[str]":
        words = [sys.executable, "-c", _LISTENS, kind]
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_whoever_works_in_the_folder_is_ended_and_nobody_else(child, tmp_path: Path) -> None:
    polite, deaf = child("ends"), child("deaf")
    other = subprocess.Popen(["/bin/sleep", "60"], cwd=tmp_path.parent)
    try:
        found = begin.left_behind(tmp_path)
        assert {one.pid for one in found} == {polite.pid, deaf.pid}
        begin.end(found, drains=False)
        assert not any(one.is_running() for one in found)
        assert psutil.Process(other.pid).is_running()
    finally:
        other.kill()
        other.wait()


def test_one_that_has_given_up_its_port_may_finish_what_it_is_at(child, tmp_path: Path) -> None:
    draining, deaf = child("drains"), child("deaf")
    begin.end(begin.left_behind(tmp_path), drains=True)
    assert not psutil.pid_exists(deaf.pid)
    assert draining.poll() is None
    assert not any(one.status == psutil.CONN_LISTEN for one in psutil.Process(draining.pid).net_connections("tcp"))


def test_it_becomes_the_program_and_removes_the_pid_file_of_a_dead_one(tmp_path: Path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    words = ["--folder", str(tmp_path), "--pid-file", str(pid_file), "--", "/bin/sh", "-c", "echo $$ $PYTHONPATH -x"]
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local.begin", *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.communicate(timeout=60)[0].split() == [str(process.pid), "-x"]
    assert not pid_file.exists()
