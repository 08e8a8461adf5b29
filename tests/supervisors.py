"""A supervisord for app instances, as the stack's own supervisor starts it elsewhere."""

import subprocess
import time

from dz.adapters.processes import BASE_ENVIRONMENT
from dz.adapters.supervisor import Supervisor
from dz.errors import ServiceUnavailable


def running_supervisor(supervisor: Supervisor, *, timeout: float = 20) -> "subprocess.Popen[bytes]":
    """Start a supervisord as a child of this process and return when it answers; `timeout` in seconds."""
    process = subprocess.Popen(
        supervisor.argv(), env=BASE_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + timeout
    while True:
        try:
            supervisor.names()
        except ServiceUnavailable:
            if time.monotonic() > deadline or process.poll() is not None:
                process.kill()
                process.wait()
                raise
            time.sleep(0.1)
        else:
            return process
