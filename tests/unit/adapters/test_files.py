import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dz.adapters import files
from dz.errors import LockHeld, LockRefused

_HOLDER = """
import sys, time
from pathlib import Path
from dz.adapters import files

with files.locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
_WAITER = """
import sys
from pathlib import Path
from dz.adapters import files

print("asks", flush=True)
with files.locked(Path(sys.argv[1])):
    print("held", flush=True)
"""
_KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from dz.adapters import files

with files.appearing(Path(sys.argv[1]), mode=0o600) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def holder(tmp_path):
    process = _python(_HOLDER, tmp_path / "lock")
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait(10)


def test_a_written_file_has_just_the_content_and_the_mode(tmp_path):
    path = tmp_path / "file"
    path.write_text("a longer text from before")
    path.chmod(0o666)

    files.write(path, "späť", mode=0o640)

    assert path.read_bytes() == "späť".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_written_file_belongs_to_the_owner(tmp_path):
    files.write(tmp_path / "file", b"\x00\xff", mode=0o400, owner=(65534, 65534))

    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o400)
    assert (tmp_path / "file").read_bytes() == b"\x00\xff"


def test_a_reader_never_sees_a_half_written_file(tmp_path):
    path, texts = tmp_path / "file", {"a" * 100_000, "b" * 100_000}
    files.write(path, min(texts), mode=0o644, sync=False)
    program = (
        "import sys; from pathlib import Path; from dz.adapters import files\n"
        "for number in range(300): files.write(Path(sys.argv[1]), 'ab'[number % 2] * 100_000, mode=0o644, sync=False)"
    )
    process = _python(program, path)
    seen = set()
    while process.poll() is None:
        seen.add(path.read_text())
    assert process.wait() == 0
    assert seen <= texts
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_says_the_same_is_left_alone(tmp_path):
    path = tmp_path / "file"
    files.write_if_changed(path, "text", mode=0o600)
    before = path.stat()

    files.write_if_changed(path, "text", mode=0o644)
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)

    files.write_if_changed(path, "other", mode=0o644)
    assert path.read_text() == "other"
    assert path.stat().st_ino != before.st_ino


def test_a_file_is_not_seen_before_its_block_ends(tmp_path):
    path = tmp_path / "file"
    with files.appearing(path, mode=0o600) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(TypeError), files.appearing(path, mode=0o600) as file:
        file.writelines([b"after" * 10_000, "no bytes"])
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_found_and_belongs_to_its_own_file_only(tmp_path):
    path = tmp_path / "file[1]"
    for target in (path, tmp_path / "file1"):
        assert _python(_KILLED_WRITER, target).wait(10) == -signal.SIGKILL

    (part,) = files.parts(path)
    assert not path.exists()
    assert part.read_bytes() == b"half"
    assert stat.S_IMODE(part.stat().st_mode) == 0o600


def test_a_lock_is_held_by_one_process_at_a_time(tmp_path, holder):
    waiter = _python(_WAITER, tmp_path / "lock")
    assert waiter.stdout.readline() == "asks\n"
    _until_it_has_opened(waiter.pid, tmp_path / "lock")

    holder.stdin.close()
    assert waiter.stdout.readline() == "held\n"
    assert waiter.wait(10) == 0


def test_who_waits_too_long_for_a_lock_is_told_who_holds_it(tmp_path, holder):
    with pytest.raises(LockHeld) as raised, files.locked(tmp_path / "lock", seconds=0.2):
        pass
    user = pwd.getpwuid(os.geteuid()).pw_name
    name = Path(f"/proc/{holder.pid}/comm").read_text().strip()
    assert raised.value.found == (
        f"{tmp_path}/lock has been locked for more than 0 s by {name} (process {holder.pid} of {user})."
    )
    assert "end it if it hangs" in raised.value.remedy


def test_a_lock_file_that_others_could_open_is_closed_to_them(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / "lock").chmod(0o666)
    with files.try_locked(tmp_path / "lock") as held:
        assert held
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_link_is_no_lock_file(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LockRefused, match="is a link or belongs to another user"), files.locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_lock_file_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "lock").touch()
    os.chown(tmp_path / "lock", 65534, 65534)
    with pytest.raises(LockRefused), files.try_locked(tmp_path / "lock"):
        pass


def test_a_lock_dies_with_its_process(tmp_path, holder):
    holder.kill()
    holder.wait(10)
    with files.locked(tmp_path / "lock"):
        pass


def test_who_only_tries_a_held_lock_is_told_so_at_once_and_gets_it_later(tmp_path, holder):
    with files.try_locked(tmp_path / "lock") as held:
        assert not held
    holder.stdin.close()
    assert holder.wait(10) == 0
    with files.try_locked(tmp_path / "lock") as held:
        assert held
        with files.try_locked(tmp_path / "lock") as again:
            assert not again


def test_an_error_under_a_tried_lock_is_raised_as_it_is(tmp_path, holder):
    with pytest.raises(ZeroDivisionError) as raised, files.try_locked(tmp_path / "lock"):
        raise ZeroDivisionError
    assert raised.value.__context__ is None


def test_a_lock_file_can_be_opened_by_its_owner_only(tmp_path):
    with files.locked(tmp_path / "lock"):
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def _python(program: str, path: Path) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", program, str(path)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _until_it_has_opened(pid: int, path: Path) -> None:
    deadline = time.monotonic() + 20
    while not any(os.path.realpath(fd) == str(path) for fd in Path(f"/proc/{pid}/fd").iterdir()):
        assert time.monotonic() < deadline, "the process does not open the lock file"
        time.sleep(0.01)
