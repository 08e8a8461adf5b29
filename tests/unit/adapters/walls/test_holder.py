"""The holder of listening sockets: who gets them, who is refused, and what outlives it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dz.adapters.walls import listeners

Start = Callable[[], "subprocess.Popen[bytes]"]
TAKE = """import sys, time
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from dz.adapters.walls import listeners
one = listeners.take(Path(sys.argv[2]), sys.argv[3], ("127.0.0.1", int(sys.argv[4])))
if len(sys.argv) > 5:
    connection = one.accept()[0]
    connection.sendall(b"late")
print("taken", flush=True)
time.sleep(99)
"""
BIND = """import itertools, os, socket, sys
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
options = (socket.SO_REUSEADDR, socket.SO_REUSEPORT) if os.getuid() == 65534 else (socket.SO_REUSEADDR,)
for address in ("127.0.0.1", "0.0.0.0"):
    for chosen in (options[:number] for number in range(len(options) + 1)):
        one = socket.socket()
        for option in chosen:
            one.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            one.bind((address, int(sys.argv[1])))
            sys.exit(f"bound {address} {chosen}")
        except OSError:
            pass
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as found:
        yield Path(found)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started = []

    def holder() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(listeners.command(folder / "door", folder / "notes"))
        started.append(process)
        until(lambda: listeners.answers(folder / "door"))
        return process

    yield holder
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def launcher(folder: Path, port: int) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts what stands for a launcher: it takes the socket, and answers one connection if it is told to."""
    started = []

    def taken(*words: str) -> "subprocess.Popen[bytes]":
        root = Path(listeners.__file__).parents[3]
        argv = [sys.executable, "-c", TAKE, str(root), str(folder / "door"), "app-1", str(port), *words]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        started.append(process)
        if not words:
            assert process.stdout
            assert process.stdout.readline() == b"taken\n"
        return process

    yield taken
    for process in started:
        process.kill()
        process.wait()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except (ConnectionRefusedError, ConnectionResetError):  # the latter if it is closed just then
        return False
    return True


def is_free_for_others(port: int) -> bool:
    return subprocess.run([sys.executable, "-c", BIND, str(port)], check=False).returncode != 0


def test_visitors_wait_for_a_launcher_that_was_killed_and_nobody_else_gets_the_port(
    start: Start, launcher: Callable[..., "subprocess.Popen[bytes]"], port: int
) -> None:
    start()
    first = launcher()
    first.kill()
    first.wait()
    waiting = socket.create_connection(("127.0.0.1", port), 5)
    assert not is_free_for_others(port)
    launcher("answer")
    assert waiting.recv(4) == b"late"


def test_a_port_whose_launcher_stays_away_refuses_visitors_and_is_still_nobody_elses(
    start: Start, launcher: Callable[..., "subprocess.Popen[bytes]"], port: int
) -> None:
    start()
    first = launcher()
    first.kill()
    assert connects(port)
    until(lambda: not connects(port))
    assert not is_free_for_others(port)
    launcher()
    assert connects(port)


@pytest.mark.parametrize("end", ["killed", "handed over"])
def test_what_is_held_outlives_the_holder(
    start: Start, launcher: Callable[..., "subprocess.Popen[bytes]"], port: int, end: str
) -> None:
    """A second holder finds the first one alive when only their supervisor was killed."""
    before = start()
    first = launcher()
    if end == "killed":
        before.kill()
        before.wait()
        waiting = socket.create_connection(("127.0.0.1", port), 5)  # its launcher has the socket, too
        start()
    else:
        waiting = socket.create_connection(("127.0.0.1", port), 5)
        start()
        assert before.wait(10) == 0
    first.kill()
    first.wait()
    assert connects(port)
    assert not is_free_for_others(port)
    launcher("answer")
    assert waiting.recv(4) == b"late"


def test_after_a_reboot_ports_are_held_before_anybody_is_answered(
    start: Start, launcher: Callable[..., "subprocess.Popen[bytes]"], port: int
) -> None:
    both = start(), launcher()
    for process in both:
        process.kill()
        process.wait()
    assert not connects(port)
    start()
    assert connects(port)


def test_what_is_released_is_free_and_stays_so(
    folder: Path, start: Start, launcher: Callable[..., "subprocess.Popen[bytes]"], port: int
) -> None:
    before = start()
    launcher().kill()
    for _ in range(2):
        listeners.release(folder / "door", "app-1")
    until(lambda: not connects(port))
    assert is_free_for_others(port)
    before.kill()
    start()
    assert not connects(port)


def test_a_name_gets_another_place_and_a_place_another_name(
    folder: Path, start: Start, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "_SECONDS", 0.3)
    start()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        number = other.getsockname()[1]
    door = folder / "door"
    listeners.take(door, "app-1", ("127.0.0.1", port)).close()
    listeners.take(door, "app-1", ("127.0.0.1", number)).close()
    assert (connects(port), connects(number)) == (False, True)
    with pytest.raises(OSError, match="in use"):  # this process is alive, and has it as app-1
        listeners.take(door, "app-2", ("127.0.0.1", number))


def test_a_door_that_nobody_opens_is_an_error_and_nothing_is_held_behind_one_that_never_was(folder: Path) -> None:
    listeners.release(folder / "door", "app-1")
    assert not listeners.answers(folder / "door")


def test_a_holder_without_a_supervisor_stays_while_it_is_needed(
    folder: Path, launcher: Callable[..., "subprocess.Popen[bytes]"], port: int
) -> None:
    program = listeners.command(folder / "door", folder / "notes")
    script = f"import subprocess; print(subprocess.Popen({program!r}, stdout=-3, stderr=-3).pid)"
    pid = int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
    until(lambda: listeners.answers(folder / "door"))
    launcher()
    assert connects(port)
    os.kill(pid, signal.SIGTERM)
    until(lambda: not listeners.answers(folder / "door"))
