"""Rooms: what a container is given by its launcher lies in a folder of root's that is named after the launcher's process."""

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

_FIRST, _NETWORK = Path(__file__).with_name("inside.py"), Path(__file__).parents[1] / "inside.py"


@contextlib.contextmanager
def made(folder: Path, etc: Mapping[str, str]) -> Iterator[tuple[Path, socket.socket]]:
    """Make the room of this process, and yield it with the socket in it that listens for the container.

    Args:
        folder: where rooms lie; only root enters it.
        etc: the files of /etc that the container gets, by path.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    room = folder / mark(os.getpid())
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    room.chmod(0o755)
    try:
        for path, name in ((_FIRST, "first.py"), (_NETWORK, "inside.py")):
            shutil.copyfile(path, room / name)
        for name in ("etc", "sys"):
            (room / name).mkdir()
        for place, text in etc.items():
            (room / "etc" / Path(place).name).write_text(text, "utf-8")
        for path in room.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield room, _listening(room)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _listening(room: Path) -> socket.socket:
    """Return a socket that listens in the room; the path itself may be too long for one."""
    descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY)
    try:
        one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one.bind(f"/proc/self/fd/{descriptor}/control")
        one.listen(1)
        return one
    finally:
        os.close(descriptor)


def left(folder: Path) -> list[Path]:
    """Return the rooms of processes that have died."""
    return [room for room in folder.glob("*-*") if not lives(room.name)] if folder.is_dir() else []


def mark(pid: int) -> str:
    """Return what tells a process of this machine from all others: its number and when it began."""
    return f"{pid}-{_born(pid)}"


def lives(marked: str) -> bool:
    """Say whether the process of a mark lives."""
    pid, _, born = marked.partition("-")
    return pid.isdigit() and bool(born) and _born(int(pid)) == born


def _born(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; an empty text if it has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    return ""
