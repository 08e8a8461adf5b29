"""Starts an app instance under supervisord, and warms it up for its first requests."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dz.adapters import loaded_project
from dz.adapters.processes import BASE_ENVIRONMENT
from dz.adapters.supervisor import Supervisor
from dz.adapters.walls import launcher, listeners
from dz.errors import HealthCheckFailed
from dz.tasklib.appservers import answers, health
from dz.tasklib.appservers.instance import AppInstance

_TRIES = 30
"""Requests after which a worker that has never answered is left alone; the pauses between them add up to a second."""


def boot(instance: AppInstance, *, supervisor: Supervisor) -> None:
    """Start an app instance within its walls; one that `loads_once` is held until its hooks have run."""
    if instance.manifest.loads_once and not instance.hooks_done:
        loaded_project.hold(instance.hold)
    instance.logs.mkdir(exist_ok=True, mode=0o700)  # a site may print its secrets
    # Nothing of this process's environment reaches it.
    kept = {**BASE_ENVIRONMENT, "HOME": str(instance.home), "TMPDIR": str(instance.home / "tmp")}
    clear = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in kept.items())]
    command = [*clear, *launcher.command(instance.walls_file, held=(supervisor.door, instance.program))]
    if not listeners.answers(supervisor.door):
        _start_holder(supervisor)
    supervisor.add(instance.program, command, cwd=instance.own, logs=instance.logs)


def _start_holder(supervisor: Supervisor) -> None:
    """Start the holder of what app instances listen at; supervisord keeps it running from then on."""
    command = listeners.command(supervisor.door, supervisor.folder / listeners.PROGRAM)
    supervisor.add(listeners.PROGRAM, command, cwd=Path("/"), logs=supervisor.folder)


def warm_up(instance: AppInstance, *, supervisor: Supervisor, timeout: float) -> None:
    """Wait until each worker process of an app instance has answered once or has failed to.

    Args:
        timeout: seconds from now.
    """
    end = time.monotonic() + timeout
    processes = instance.manifest.plan.processes
    answered: set[str] = set()

    def ask() -> None:
        with contextlib.suppress(HealthCheckFailed):
            health.wait_until_healthy(instance, supervisor=supervisor, timeout=timeout, steady=0)
            # A worker with threads may take the requests that were meant for another.
            for number in range(_TRIES):
                worker = answers.worker(instance, timeout=max(0.1, end - time.monotonic()))
                answered.update([worker] if worker else [])
                if worker is None or len(answered) >= processes or time.monotonic() > end:
                    return
                time.sleep(0.002 * number)

    with ThreadPoolExecutor(processes) as threads:
        for _ in range(processes):
            threads.submit(ask)
