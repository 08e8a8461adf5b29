"""Runs programs of the operating system that change what all programs share, such as its users.

They lock the files that they change, and refuse while another program holds the lock; that passes.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from dz.adapters import processes
from dz.adapters.processes import BASE_ENVIRONMENT, Finished

PATIENCE = 30.0
"""Seconds for which a program that says that it is kept from its work is tried again; shadow's own waits for 15 s."""
_PASSING = re.compile(
    r"try again|cannot lock|could not get lock|unable to lock|already locked|is locked|temporarily unavailable|"
    r"(resource|file|device) (is )?busy|existing lock file",
    re.IGNORECASE,
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0


def run(words: Sequence[str], *, patience: float = PATIENCE) -> Finished:
    """Run a program as root and return how it ended; one that says that it is busy or locked out is tried again.

    Args:
        words: its name and arguments.
        patience: seconds for which it is tried again.
    """
    env = {**BASE_ENVIRONMENT, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    deadline, pause = time.monotonic() + patience, _FIRST_PAUSE
    while True:
        done = processes.run(words, cwd=Path("/"), env=env, timeout=60)
        if done.ok or not _PASSING.search(done.output) or time.monotonic() + pause > deadline:
            return done
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
