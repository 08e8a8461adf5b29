"""Rooms for proofs: one for each, cleaned when free, with caches that stay."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dz.adapters import users
from dz.tasklib.proof import rooms
from tests.integration.django_projects import USER
from tests.integration.tasklib.proof.proving import sandbox_of

_KILLED = """
import sys, time
from pathlib import Path
from dz.adapters import users
from dz.adapters.sandbox import UserSandbox
from dz.tasklib.guesses import proved
from dz.tasklib.proof import rooms
with rooms.room(Path(sys.argv[1]), "killed", lambda name, home: UserSandbox(None, users.owned(home, None))) as room:
    (room.path / "envs").mkdir()
    print(room.path, flush=True)
    time.sleep(600)
"""


def test_the_next_proof_removes_what_a_killed_one_left_and_nothing_of_a_living_one(build_server: Path) -> None:
    folder = build_server / "killed"
    runs = [
        subprocess.Popen([sys.executable, "-c", _KILLED, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    dead, alive = (Path(run.stdout.readline().strip()) for run in runs if run.stdout)
    try:
        runs[0].send_signal(signal.SIGKILL)
        runs[0].wait()
        assert dead.is_dir()
        assert dead.parent != alive.parent, "two proofs at a time have a room each"
        with rooms.room(folder, "next", sandbox_of) as room:
            assert not dead.exists()
            assert alive.is_dir()
        assert not room.path.exists()
    finally:
        for run in runs:
            run.kill()
            run.wait()


def test_a_proof_that_nests_folders_does_not_stop_the_next(build_server: Path) -> None:
    folder = build_server / "deep"
    program = "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\n"
    with rooms.room(folder, "deep", sandbox_of) as room:
        out = users.owned(room.path / "out", room.sandbox.user)
        done = room.sandbox.run(
            ["/usr/bin/python3", "-I", "-S", "-c", program], cwd=out, env={}, timeout=60, writes=[out]
        )
        assert done.ok, done.output
    with rooms.room(folder, "next", sandbox_of) as other:
        assert not room.path.exists()
        assert {path.name for path in other.path.parent.iterdir()} == {".lock", other.path.name}


def test_a_proof_waits_while_all_rooms_are_taken(build_server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ROOMS", 1)
    run = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(build_server / "full")], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout
    taken = Path(run.stdout.readline().strip())
    threading.Timer(1, run.kill).start()
    begun = time.monotonic()
    with rooms.room(build_server / "full", "a", sandbox_of):
        assert time.monotonic() - begun > 0.5
        assert not taken.exists()
    run.wait()


def test_the_cache_of_a_proof_becomes_the_projects(build_server: Path) -> None:
    folder, target = build_server / "hand", build_server / "handed-over" / ".cache"
    with rooms.room(folder, "s", sandbox_of) as room:
        (room.cache / "wheel").write_text("x")
        if USER:
            shutil.chown(room.cache / "wheel", USER)
    (folder / "caches" / "s" / "link").symlink_to("/etc/hostname")
    rooms.hand_over_cache(folder, "s", target, "daemon" if USER else None)
    assert (target / "wheel").read_text() == "x"
    assert not (folder / "caches" / "s").exists()
    if USER:
        assert (target / "wheel").owner() == target.owner() == "daemon"
        assert (target / "link").lstat().st_uid == 0, "what the user did not own stays as it is"
    rooms.hand_over_cache(folder, "s", target, None)
