"""Ends on a server what jobs that have ended, or were given up, have left there: processes, app instances, vhosts."""

import contextlib
import functools
import logging
import os
from collections.abc import Iterable

import psutil

from dz import wiring
from dz.errors import going_on
from dz.settings import Role
from dz.tasklib.appservers import stop
from dz.tasklib.jobs import children, endings
from dz.tasklib.jobs.children import Left

SECONDS = 2.0
"""Seconds between two looks; with the end of the processes, a cancelled job leaves nothing after some 5 s."""
_PATIENCE = 5.0
"""Seconds until killed processes must be gone."""
logger = logging.getLogger("dz.worker")


def settle(role: Role, server: str) -> None:
    """Bring a server in order after jobs that did not succeed; what cannot be undone now is tried again soon."""
    zoomdb = wiring.zoomdb()
    if role == "build":
        endings.reap(zoomdb)
    left = children.left_on(zoomdb, server)
    gone = {run.run for run in left if run.ended or not _alive(run)}
    for run in left:
        # A run that has ended may still be telling Prefect so.
        if run.given_up or (run.undo and not run.ended):
            _end_process(run)
    if role == "appserver":
        _take_down(server, children.instances_left(zoomdb, server))
    for run in left:
        with going_on(logger, f"bringing {server} in order after job {run.job}"):
            if role == "proxy" and run.undo and run.project:
                _show_current(run.project, server)
            # A process that was just killed is known until its worker has told Prefect how its run ended.
            if run.over and run.run in gone:
                children.forget(zoomdb, run.run)


def _take_down(server: str, instances: Iterable[int]) -> None:
    folder = wiring.server_dir("appserver", server)
    for deployment in instances:
        with going_on(logger, f"taking down app instance {deployment} of a job that did not succeed"):
            stop.fail(wiring.zoomdb(), wiring.supervisor(server), deployment, folder=folder)


def _show_current(project: int, server: str) -> None:
    """Show what users are to see, unless newer work is about to bring this proxy in order."""
    allowed = functools.partial(_is_left_alone, project, server)
    wiring.show_on_proxy(project, None, server, allowed=allowed)


def _is_left_alone(project: int, server: str) -> bool:
    return not children.newer_at_work(wiring.zoomdb(), project, server)


def _alive(run: Left) -> bool:
    return _process(run) is not None


def _process(run: Left) -> psutil.Process | None:
    """Return the process of a run, unless it has ended; another one may have its pid."""
    if not run.pid or run.pid == os.getpid():
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(run.pid)
        if abs(process.create_time() - run.began) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _end_process(run: Left) -> None:
    """Kill the process of a run and all that it has started; what stands within walls ends with its launcher."""
    process = _process(run)
    if process is None:
        return
    logger.warning("The run %s worked on for job %s, which is over for it; it is ended.", run.run, run.job)
    with contextlib.suppress(psutil.Error):
        family = [process, *process.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.Error):
                member.kill()
        psutil.wait_procs(family, timeout=_PATIENCE)
