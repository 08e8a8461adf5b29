"""What holds for programs within bubblewrap's walls holds for those in containers; and nothing of a container stays."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from dz.adapters.walls import confinement, launcher
from dz.adapters.walls.confinement import Confinement, Walls
from dz.adapters.walls.containers.engine import Engine
from tests.conftest import free_port
from tests.unit.adapters.walls import test_launcher as of_the_launcher
from tests.unit.adapters.walls import test_passages as of_the_passages

test_it_ends_with_the_code_of_the_program = of_the_launcher.test_it_ends_with_the_code_of_the_program
test_it_ends_by_the_signal = of_the_launcher.test_it_ends_by_the_signal_that_the_program_ended_by
test_a_program_that_cannot_be_started_is_named = of_the_launcher.test_a_program_that_cannot_be_started_is_named
test_the_program_has_the_rights_of_its_user_alone = of_the_launcher.test_the_program_has_the_rights_of_its_user_alone
test_it_gets_no_new_rights = (
    of_the_launcher.test_without_a_user_the_program_keeps_this_processs_own_and_gets_no_new_rights
)
own_address, server = of_the_passages.own_address, of_the_passages.server
test_alone_a_program_reaches_nothing = of_the_passages.test_alone_a_program_reaches_nothing
test_only_what_is_open_is_reached = of_the_passages.test_what_is_open_is_reached_and_no_other_port_or_private_address
test_a_passage_outlives_many_connections = (
    of_the_passages.test_a_passage_outlives_more_connections_than_there_are_descriptors
)
test_no_way_to_private_addresses = of_the_passages.test_the_internet_is_no_way_to_private_addresses


@pytest.fixture(autouse=True)
def launched(walls: Walls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_the_launcher, "WALLS", walls)


ANSWER = """
import os, signal, socket, sys, time
def end(*_):
    print("told to end", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(99)
listener = socket.socket(fileno=3)
while True:
    connection = listener.accept()[0]
    connection.sendall(("%d %s" % (os.getpid(), os.environ["SECRET"])).encode())
    connection.close()
"""


@dataclass(frozen=True)
class Running:
    """A site in a container: it answers with its number within and its secret variable, and has a stubborn child."""

    launcher: "subprocess.Popen[str]"
    container: Any
    pids: list[int]
    port: int

    def answer(self) -> str:
        with socket.create_connection(("127.0.0.1", self.port), 10) as one:
            return one.recv(100).decode()


@pytest.fixture
def running(walls: Walls, client: docker.DockerClient) -> Iterator[Running]:
    argv, port = (str(walls.python), "-c", ANSWER), free_port()
    wanted = Confinement(argv, Path("/tmp"), walls.python, user=(65534, 65534), listen=("127.0.0.1", port), patience=10)
    file = Path(tempfile.mkstemp()[1])
    file.write_text(replace(wanted, docker=walls.docker).to_json())
    process = subprocess.Popen(
        launcher.command(file), stdout=subprocess.PIPE, text=True, env={**os.environ, "SECRET": "s3cret-canary"}
    )
    while not _answers(port):
        assert process.poll() is None
        time.sleep(0.05)
    (container,) = client.containers.list(filters={"label": f"djangozoom.folder={walls.docker.folder}"})
    pids = [int(line[1]) for line in container.top()["Processes"]]
    yield Running(process, container, pids, port)
    process.kill()
    process.wait()
    file.unlink()
    assert walls.docker
    Engine(walls.docker).remove_strays()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as one:
        return bool(one.recv(100))
    return False


def left(client: docker.DockerClient, walls: Walls) -> list[Any]:
    assert walls.docker
    wanted = {"label": f"djangozoom.folder={walls.docker.folder}"}
    return [*client.containers.list(all=True, filters=wanted), *walls.docker.folder.iterdir()]


def test_a_site_answers_at_a_socket_of_its_launcher_and_the_engine_knows_neither_its_variables_nor_its_words(
    running: Running, walls: Walls
) -> None:
    number, secret = running.answer().split()
    assert (number != "1", secret) == (True, "s3cret-canary")
    known = json.dumps(running.container.attrs)
    assert "s3cret-canary" not in known
    assert ANSWER.splitlines()[2] not in known
    settings = running.container.attrs["HostConfig"]
    assert (settings["NetworkMode"], settings["PortBindings"] or {}, settings["Privileged"]) == ("none", {}, False)
    assert str(walls.docker and walls.docker.socket) not in known


def test_told_to_end_a_site_has_time_for_it_and_then_nothing_is_left(
    running: Running, walls: Walls, client: docker.DockerClient
) -> None:
    running.launcher.send_signal(signal.SIGTERM)
    said, _ = running.launcher.communicate(timeout=20)
    assert (said, running.launcher.returncode) == ("told to end\n", 7)
    assert [pid for pid in running.pids if psutil.pid_exists(pid)] == []
    assert left(client, walls) == []


def test_a_site_ends_with_its_launcher_and_the_next_start_removes_what_is_left(
    running: Running, walls: Walls, client: docker.DockerClient
) -> None:
    processes = [psutil.Process(pid) for pid in running.pids]
    assert len(processes) == 3
    running.launcher.kill()
    running.launcher.wait()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []
    assert len(left(client, walls)) == 2
    assert of_the_launcher.ended("/bin/true").returncode == 0
    assert left(client, walls) == []


def test_a_container_that_lives_is_nobodys_to_remove(running: Running, walls: Walls) -> None:
    assert walls.docker
    assert Engine(walls.docker).remove_strays() == []
    assert running.answer().endswith("s3cret-canary")


def test_a_container_shows_nothing_of_the_machine_but_its_programs(walls: Walls) -> None:
    shown = of_the_launcher.ended("/bin/ls", "-A", "/", "/sys", "/run", "/run/dz", "/run/dz/sys").stdout
    folders = {part.split(":")[0]: part.split(":")[1].split() for part in shown.rstrip("\n").split("\n\n")}
    links = {path.name for path in map(Path, confinement.OF_THE_SYSTEM) if path.exists()}
    assert set(folders["/"]) == {".dockerenv", "dev", "etc", "proc", "run", "sys", "tmp", *links}
    assert (folders["/sys"], folders["/run"]) == ([], ["dz"])
    assert set(folders["/run/dz"]) == {"control", "etc", "first.py", "inside.py", "sys"}
    tries = "import os\nfor path in ('/x', '/etc/x', '/usr/x', '/run/dz/x', '/sys/x', '/tmp/x'):\n"
    tries += "    try: open(path, 'w'); print(path)\n    except OSError: pass\n"
    tries += "for path in ('/proc/1/environ', '/proc/1/mem', '/proc/1/fd', '/run/dz/control'):\n"
    tries += (
        "    try: os.listdir(path) if path[-1] == 'd' else open(path).read(1); print(path)\n    except OSError: pass"
    )
    program = of_the_launcher.words(str(walls.python), "-c", tries, user=(65534, 65534))
    done = subprocess.run(program, capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr) == ("/tmp/x\n", "")
