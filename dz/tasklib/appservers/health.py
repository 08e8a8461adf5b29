"""Checks that an app instance is healthy: it answers a real request, and no other program answers in its place."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from dz.adapters.supervisor import Supervisor
from dz.errors import HealthCheckFailed
from dz.tasklib.appservers import answers, stop, tracebacks, walls
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.jobs.results import Answer
from dz.tasklib.variables.redaction import redacted
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import DeploymentState

STEADY_ANSWERS, STEADY_SECONDS = 5, 6.0
"""A site that answers 500 so often in a row, for so long, does not warm up: it is broken."""
LOG_BYTES = 65536
"""How much of the end of a log is searched."""
_NOT_YET = {
    "OperationalError",
    "InterfaceError",
    "ConnectionError",
    "ConnectionRefusedError",
    "TimeoutError",
    "gaierror",
}
"""Exceptions about something that the site reaches for and that may come up later."""
_DEAD = {"BACKOFF", "FATAL", "EXITED", "STOPPED", "UNKNOWN", None}
_REMEDY = "Read the lines above from the site's own log, correct the project or its variables, and deploy again."


def check(zoomdb: Zoomdb, instance: AppInstance, *, supervisor: Supervisor, timeout: float) -> list[Answer]:
    """Wait until an app instance is healthy and record that; one that fails is removed and its port freed.

    Returns what it answers, the page of the health check first.

    Args:
        timeout: seconds from now.

    Raises:
        HealthCheckFailed: the text has the last lines of the instance's log, without the values of its variables.
    """
    with redacted(instance.secrets()), taken_down_on_failure(zoomdb, instance, supervisor=supervisor):
        status = wait_until_healthy(instance, supervisor=supervisor, timeout=timeout)
    with zoomdb.session() as session:
        row = session.get_one(Deployment, instance.deployment_id)
        if row.state == DeploymentState.STARTING:
            row.state = DeploymentState.HEALTHY
    return answers.of(instance, status)


@contextlib.contextmanager
def taken_down_on_failure(zoomdb: Zoomdb, instance: AppInstance, *, supervisor: Supervisor) -> Iterator[None]:
    """Take down an app instance that the block finds unhealthy, and add the end of its log to the error."""
    try:
        yield
    except HealthCheckFailed as error:
        found, limit = _explained(instance, error.found), walls.limit_met(instance)
        stop.fail(zoomdb, supervisor, instance.deployment_id, folder=instance.folder)
        if limit:
            raise type(limit)(f"{limit.found} {found}", limit.remedy) from error
        raise HealthCheckFailed(found, error.remedy) from error


def _explained(instance: AppInstance, found: str) -> str:
    """Add to what was found what the instance's log says about it: the exception, or else its last lines."""
    crash = _crash(instance)
    if crash:
        return f"{crash.headline}\n{found}\n{crash.text}\nThe whole log: {instance.log}"
    return f"{found} Its last lines:\n{last_lines(instance.log)}\nThe whole log: {instance.log}"


def _crash(instance: AppInstance) -> tracebacks.Crash | None:
    return tracebacks.last(_end_of(instance.log), [instance.bundle / "src", instance.written_source])


def wait_until_healthy(
    instance: AppInstance, *, supervisor: Supervisor, timeout: float, steady: float = STEADY_SECONDS
) -> int:
    """Wait until the app instance itself answers a real request with a status below 500, and return that status.

    Args:
        timeout: seconds from now.
        steady: seconds for which it may answer 500 without a break.

    Raises:
        HealthCheckFailed: it ended, did not answer in time, or answers with an error, again and again.
    """
    end, seen, pause = time.monotonic() + timeout, "no answer", 0.03
    errors: list[float] = []
    where, path = f"{instance.address}:{instance.port}", instance.manifest.plan.health_path
    while time.monotonic() < end:
        if not is_alive(instance, supervisor):
            raise HealthCheckFailed(f"The app instance at {where} ended while it started ({seen}).", _REMEDY)
        status, _ = answers.ask(instance, path, timeout=max(0.1, min(10.0, end - time.monotonic())))
        if status is not None and not _owns_port(supervisor.pid(instance.program), instance.port):
            seen, status = "another program listens at its port", None
        elif status is not None and status < 500:
            return status
        elif status is not None:
            seen = f"GET {path} answered {status}"
        errors = [*errors, time.monotonic()] if status == 500 else []
        if _is_steady(errors, steady) and not _may_come_up(instance):
            raise HealthCheckFailed(f"The app instance at {where} is not healthy: GET {path} answers 500.", _REMEDY)
        time.sleep(pause)
        pause = min(0.3, pause * 1.2)
    raise HealthCheckFailed(f"The app instance at {where} was not healthy within {timeout:.0f} s: {seen}.", _REMEDY)


def is_alive(instance: AppInstance, supervisor: Supervisor) -> bool:
    """Say whether the process of an app instance runs."""
    return supervisor.state(instance.program) not in _DEAD


def _owns_port(pid: int | None, port: int) -> bool:
    """Say whether a process listens at the port: an app instance's launcher does, before anything else."""
    if pid is None:
        return False
    try:
        sockets = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(socket.status == psutil.CONN_LISTEN and socket.laddr.port == port for socket in sockets)


def _is_steady(errors: list[float], seconds: float) -> bool:
    """Say whether answers at these times, without another in between, are enough to give up."""
    return len(errors) >= STEADY_ANSWERS and errors[-1] - errors[0] >= seconds


def _may_come_up(instance: AppInstance) -> bool:
    """Say whether the site's log names something that it cannot reach yet, such as its database."""
    crash = _crash(instance)
    return crash is not None and crash.kind in _NOT_YET


def last_lines(log: Path, lines: int = 20) -> str:
    """Return the end of a log file, without what gunicorn says while it starts."""
    text = _end_of(log)
    found = tracebacks.without_start_up(text.rstrip().splitlines())
    return "\n".join(found[-lines:]) or "(nothing was written)"


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
