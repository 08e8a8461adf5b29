"""What a container is given lies in a room that is its launcher's, and goes with it."""

import os
import socket
import subprocess
from pathlib import Path

from dz.adapters.walls.containers import rooms


def test_a_room_is_there_while_its_launcher_needs_it_however_long_its_path_is(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25) / "rooms"
    with rooms.made(folder, {"/etc/hosts": "127.0.0.1 localhost\n"}) as (room, control):
        assert {path.name for path in room.iterdir()} == {"control", "etc", "first.py", "inside.py", "sys"}
        assert (room / "etc" / "hosts").read_text() == "127.0.0.1 localhost\n"
        assert (folder.stat().st_mode & 0o777, control.type) == (0o700, socket.SOCK_SEQPACKET)
        control.close()
    assert list(folder.iterdir()) == []


def test_only_rooms_of_processes_that_have_died_are_left(tmp_path: Path) -> None:
    process = subprocess.Popen(["/bin/sleep", "9"])
    dead = rooms.mark(process.pid)
    assert rooms.lives(dead)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not rooms.lives(dead)  # although nobody has asked yet how it ended
    process.wait()
    own = rooms.mark(os.getpid())
    reused = f"{os.getpid()}-1"
    for name in (dead, own, reused):
        (tmp_path / name).mkdir()
    assert {room.name for room in rooms.left(tmp_path)} == {dead, reused}
    assert not rooms.lives("")
