"""Booting, checking, stopping and repairing the app instances of an appserver."""

import contextlib
import http.client
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from sqlalchemy import select

from dz.adapters.sandbox import BASE_ENVIRONMENT, supervised
from dz.adapters.supervisor import Supervisor
from dz.errors import DzError, HealthCheckFailed
from dz.tasklib.appservers import instances
from dz.tasklib.appservers.instances import Installed, Instance
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Server
from dz.zoomdb.states import LIVE, SHOWN, DeploymentState

logger = logging.getLogger("dz.appservers")
_DEAD = {"BACKOFF", "FATAL", "EXITED", "STOPPED", "UNKNOWN", None}


def program_name(deployment_id: int) -> str:
    """Return the name under which supervisord knows an app instance."""
    return f"app-{deployment_id}"


def boot(
    supervisor: Supervisor,
    deployment_id: int,
    *,
    installed: Installed,
    instance: Instance,
    user: str | None,
    logs: Path,
) -> None:
    """Run an app instance under supervisord as the project's user, with nothing of this process's environment."""
    kept = {**BASE_ENVIRONMENT, "HOME": str(instance.home), "TMPDIR": str(instance.home / "tmp")}
    clear = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in kept.items())]
    command = [*clear, *installed.command(instance.env_file, "gunicorn", str(instance.gunicorn_file))]
    supervisor.add(program_name(deployment_id), supervised(command), cwd=instance.home, user=user, logs=logs)


def wait_until_healthy(
    address: str,
    port: int,
    host: str,
    path: str,
    *,
    deadline: float,
    alive: Callable[[], bool],
    owns: Callable[[], bool],
) -> None:
    """Wait until the app instance itself answers a real request with a status below 500.

    Args:
        deadline: seconds from now.
        alive: whether its process still runs.
        owns: whether the listener at the port belongs to that process.

    Raises:
        HealthCheckFailed: it ended, did not answer in time, or answered with an error.
    """
    end, seen, pause = time.monotonic() + deadline, "no answer", 0.03
    while time.monotonic() < end:
        if not alive():
            raise HealthCheckFailed(f"The app instance at {address}:{port} ended while it started ({seen}).", _REMEDY)
        status = _status(address, port, host, path, timeout=max(0.1, min(10.0, end - time.monotonic())))
        if status is not None and not owns():
            seen = "another program listens at its port"
        elif status is not None and status < 500:
            return
        elif status is not None:
            seen = f"GET {path} answered {status}"
        time.sleep(pause)
        pause = min(0.3, pause * 1.2)
    raise HealthCheckFailed(
        f"The app instance at {address}:{port} was not healthy within {deadline:.0f} s: {seen}.", _REMEDY
    )


def process_of(supervisor: Supervisor, deployment_id: int, port: int) -> dict[str, Callable[[], bool]]:
    """Return the questions of `wait_until_healthy` about the process of an app instance."""
    name = program_name(deployment_id)
    return {
        "alive": lambda: supervisor.state(name) not in _DEAD,
        "owns": lambda: owns_port(supervisor.pid(name), port),
    }


_REMEDY = "Read the lines above from the site's own log, correct the project or its variables, and deploy again."


def check(
    zoomdb: Zoomdb,
    supervisor: Supervisor,
    deployment_id: int,
    *,
    folder: Path,
    address: str,
    host: str,
    path: str,
    deadline: float,
    logs: Path,
) -> None:
    """Wait for health and note it; an instance that fails is removed and its port is free again.

    Raises:
        HealthCheckFailed: with the last lines of the instance's log.
    """
    with zoomdb.session() as session:
        port = session.get_one(Deployment, deployment_id).port
    with taken_down_on_failure(zoomdb, supervisor, deployment_id, folder=folder, logs=logs):
        wait_until_healthy(
            address,
            port,
            host,
            path,
            deadline=deadline,
            **process_of(supervisor, deployment_id, port),
        )
    with zoomdb.session() as session:
        row = session.get_one(Deployment, deployment_id)
        if row.state == DeploymentState.STARTING:
            row.state = DeploymentState.HEALTHY


@contextlib.contextmanager
def taken_down_on_failure(
    zoomdb: Zoomdb, supervisor: Supervisor, deployment_id: int, *, folder: Path, logs: Path
) -> Iterator[None]:
    """Remove an app instance that is not healthy, and say what it wrote last."""
    try:
        yield
    except HealthCheckFailed as error:
        lines = last_lines(logs / f"{program_name(deployment_id)}.log")
        _take_down(supervisor, deployment_id, folder)
        _set_state(zoomdb, deployment_id, DeploymentState.FAILED)
        raise HealthCheckFailed(f"{error.found} Its last lines:\n{lines}", error.remedy) from error


def stop(zoomdb: Zoomdb, supervisor: Supervisor, deployment_id: int, *, folder: Path) -> None:
    """Take a retiring app instance down, then free its port; one that is needed again by now is left alone."""
    with zoomdb.session() as session:
        row = session.get(Deployment, deployment_id)
        if row is None or row.state != DeploymentState.RETIRING:
            return
    _take_down(supervisor, deployment_id, folder)
    _set_state(zoomdb, deployment_id, DeploymentState.STOPPED)


def give_up(zoomdb: Zoomdb, supervisor: Supervisor, deployment_id: int, *, folder: Path) -> None:
    """Free what an app instance that never became healthy holds; any other stays as it is."""
    with zoomdb.session() as session:
        starting = session.get_one(Deployment, deployment_id).state == DeploymentState.STARTING
    if starting:
        _take_down(supervisor, deployment_id, folder)
        _set_state(zoomdb, deployment_id, DeploymentState.FAILED)


def reconcile(
    zoomdb: Zoomdb, supervisor: Supervisor, server_name: str, *, folder: Path, restart: Callable[[int], None]
) -> None:
    """Remove instances without a live row, and restart this server's rows that have no instance.

    Args:
        restart: installs and boots the deployment of this id. Rows still starting belong to a running deploy.

    One instance that cannot be repaired does not keep the others from it.
    """
    query = select(Deployment.id, Deployment.state).join(Server, Deployment.server_id == Server.id)
    known = running_ids(supervisor)
    with zoomdb.session() as session:
        found = session.execute(query.where(Server.name == server_name, Deployment.state.in_(LIVE)))
        live = {row.id: row.state for row in found}
    for deployment_id in known - live.keys():
        _take_down(supervisor, deployment_id, folder)
    for deployment_id, state in live.items():
        if state == DeploymentState.RETIRING:
            stop(zoomdb, supervisor, deployment_id, folder=folder)
    for deployment_id, state in live.items():
        if state in SHOWN and (deployment_id not in known or _given_up(supervisor, deployment_id)):
            try:
                restart(deployment_id)
            except DzError as error:
                logger.warning("App instance %s was not repaired: %s", deployment_id, error.found)


def _given_up(supervisor: Supervisor, deployment_id: int) -> bool:
    """Say whether supervisord does not try to run an instance any more."""
    return supervisor.state(program_name(deployment_id)) in {"FATAL", "EXITED", "STOPPED"}


def running_ids(supervisor: Supervisor) -> set[int]:
    """Return the deployments whose instances supervisord knows."""
    return {int(name.removeprefix("app-")) for name in running_names(supervisor)}


def running_names(supervisor: Supervisor) -> list[str]:
    """Return the names of the app instances that supervisord knows."""
    return [name for name in supervisor.names() if name.removeprefix("app-").isdigit()]


def owns_port(pid: int | None, port: int) -> bool:
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


def last_lines(log: Path, lines: int = 20) -> str:
    """Return the end of a log file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "(nothing was written)"
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _status(address: str, port: int, host: str, path: str, *, timeout: float) -> int | None:
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host, "X-Forwarded-Proto": "https", "Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _take_down(supervisor: Supervisor, deployment_id: int, folder: Path) -> None:
    supervisor.remove(program_name(deployment_id))
    instances.remove_instance(folder, deployment_id)


def _set_state(zoomdb: Zoomdb, deployment_id: int, state: DeploymentState) -> None:
    with zoomdb.session() as session:
        row = session.get(Deployment, deployment_id)
        if row is not None and row.state in LIVE:
            row.state = state
