"""Flows that look around in their process; the tests of the warm worker copy this file into a checkout's `flows`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from prefect import flow, get_run_logger, task

from dz.settings import settings
from tasks import probe_value
from tasks.endings import tells_its_end

SEEN: list[str] = []


def _open_files() -> list[str]:
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(path.readlink()))
    return found


def _tell(place: str, **more: object) -> None:
    facts = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "path": sys.path,
        "seen": list(SEEN),
        "value": probe_value.VALUE,
        "threads": [thread.name for thread in threading.enumerate()],
        "files": _open_files(),
        "state_dir": str(settings().state_dir),
        **more,
    }
    Path(place).with_suffix(".new").write_text(json.dumps(facts))
    Path(place).with_suffix(".new").rename(place)


@tells_its_end
@flow(persist_result=False)
def look(place: str) -> None:
    """Tell what this process is, then make a mess of it."""
    get_run_logger().info("a line for the log of %s", place)
    print(f"printed for {place}")  # noqa: T201
    _tell(place)
    SEEN.append(place)
    os.environ["LEFT_BEHIND"] = place
    sys.path.append(place)
    settings().state_dir = Path(place)
    os.chdir("/")


@tells_its_end
@flow(persist_result=False)
def sleep(place: str, seconds: float) -> None:
    """Start a program in a session of its own, tell its pid, and sleep."""
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    _tell(place, program=program.pid)
    time.sleep(seconds)
    program.kill()
    program.wait()
    Path(f"{place}.done").touch()


@tells_its_end
@flow(persist_result=False)
def die(how: str) -> None:
    """End without a word."""
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(3)


@tells_its_end
@flow(persist_result=False)
def fail() -> None:
    """Raise."""
    raise RuntimeError("this is wrong")


@task(tags=["role:build"])
def touch(place: str) -> None:
    """Leave a mark."""
    Path(place).touch()


@tells_its_end
@flow(persist_result=False)
def step(place: str) -> None:
    """Run one task with a tag."""
    touch(place)


@tells_its_end
@flow(persist_result=False)
def steps(place: str, count: int) -> None:
    """Run many short tasks, as long as nobody suspends this run."""
    for _ in range(count):
        touch(place)
        time.sleep(0.2)


@tells_its_end
@flow(persist_result=False)
def leave(place: str) -> None:
    """End, and leave a program behind."""
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    _tell(place, program=program.pid)
