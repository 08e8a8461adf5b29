"""Checks that an app instance is healthy: it answers a real request, and no other program answers in its place."""

import contextlib
import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from dz.adapters.supervisor import Supervisor
from dz.errors import HealthCheckFailed
from dz.tasklib.appservers import stop
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.variables.redaction import redacted
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import DeploymentState

_DEAD = {"BACKOFF", "FATAL", "EXITED", "STOPPED", "UNKNOWN", None}
_REMEDY = "Read the lines above from the site's own log, correct the project or its variables, and deploy again."


def check(zoomdb: Zoomdb, instance: AppInstance, *, supervisor: Supervisor, timeout: float) -> None:
    """Wait until an app instance is healthy and record that; one that fails is removed and its port freed.

    Args:
        timeout: seconds from now.

    Raises:
        HealthCheckFailed: the text has the last lines of the instance's log, without the values of its variables.
    """
    with redacted(instance.secrets()), taken_down_on_failure(zoomdb, instance, supervisor=supervisor):
        wait_until_healthy(instance, supervisor=supervisor, timeout=timeout)
    with zoomdb.session() as session:
        row = session.get_one(Deployment, instance.deployment_id)
        if row.state == DeploymentState.STARTING:
            row.state = DeploymentState.HEALTHY


@contextlib.contextmanager
def taken_down_on_failure(zoomdb: Zoomdb, instance: AppInstance, *, supervisor: Supervisor) -> Iterator[None]:
    """Take down an app instance that the block finds unhealthy, and add the end of its log to the error."""
    try:
        yield
    except HealthCheckFailed as error:
        lines = last_lines(instance.logs / f"{instance.program}.log")
        stop.fail(zoomdb, supervisor, instance.deployment_id, folder=instance.folder)
        raise HealthCheckFailed(f"{error.found} Its last lines:\n{lines}", error.remedy) from error


def wait_until_healthy(instance: AppInstance, *, supervisor: Supervisor, timeout: float) -> None:
    """Wait until the app instance itself answers a real request with a status below 500.

    Args:
        timeout: seconds from now.

    Raises:
        HealthCheckFailed: it ended, did not answer in time, or answered with an error.
    """
    end, seen, pause = time.monotonic() + timeout, "no answer", 0.03
    where, path = f"{instance.address}:{instance.port}", instance.manifest.plan.health_path
    while time.monotonic() < end:
        if not is_alive(instance, supervisor):
            raise HealthCheckFailed(f"The app instance at {where} ended while it started ({seen}).", _REMEDY)
        status = _status(instance, path, timeout=max(0.1, min(10.0, end - time.monotonic())))
        if status is not None and not _owns_port(supervisor.pid(instance.program), instance.port):
            seen = "another program listens at its port"
        elif status is not None and status < 500:
            return
        elif status is not None:
            seen = f"GET {path} answered {status}"
        time.sleep(pause)
        pause = min(0.3, pause * 1.2)
    raise HealthCheckFailed(f"The app instance at {where} was not healthy within {timeout:.0f} s: {seen}.", _REMEDY)


def is_alive(instance: AppInstance, supervisor: Supervisor) -> bool:
    """Say whether the process of an app instance runs."""
    return supervisor.state(instance.program) not in _DEAD


def _owns_port(pid: int | None, port: int) -> bool:
    """Say whether a process or a descendant of it listens at the port."""
    if pid is None:
        return False
    try:
        main = psutil.Process(pid)
        family = [main, *main.children(recursive=True)]
        sockets = [socket for process in family for socket in process.net_connections(kind="tcp")]
    except psutil.Error:
        return False
    return any(socket.status == psutil.CONN_LISTEN and socket.laddr.port == port for socket in sockets)


def _status(instance: AppInstance, path: str, *, timeout: float) -> int | None:
    connection = http.client.HTTPConnection(instance.address, instance.port, timeout=timeout)
    headers = {"Host": instance.host, "X-Forwarded-Proto": "https", "Connection": "close"}
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def last_lines(log: Path, lines: int = 20) -> str:
    """Return the end of a log file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "(nothing was written)"
    return "\n".join(text.rstrip().splitlines()[-lines:])
