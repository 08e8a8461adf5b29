"""Prefect's server of a local stack, on PostgreSQL, and the environment of its clients."""

import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from dz.errors import ServiceUnavailable
from dz.settings import PROJECT_ROOT
from infra.local.programs import Program

_DAY = 86_400


@dataclass(frozen=True)
class Retention:
    """For how many days Prefect keeps what, and how many seconds lie between two removals."""

    runs_days: float
    events_days: float
    loop_seconds: float

    def environment(self) -> dict[str, str]:
        """Return it as Prefect's settings; an hour is the shortest that it takes for runs."""
        return {
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(self.runs_days * _DAY),
            "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": str(self.loop_seconds),
            "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"PT{self.events_days * _DAY:.0f}S",
        }


def kept_ports(*, folder: Path, ports: tuple[int, int]) -> Program:
    """Return how the supervisor keeps the server's ports for it, also while it is down; arguments as of `program`."""
    argv = (sys.executable, "-m", "infra.local.kept_ports", *map(str, ports))
    return Program(
        "prefect-ports", argv, folder, env={"PYTHONPATH": str(PROJECT_ROOT)}, port=ports[1], keeps="prefect-server"
    )


def program(
    *,
    home: Path,
    ports: tuple[int, int],
    tls: tuple[Path, Path],
    database_url: str,
    auth_string: str,
    retention: Retention,
) -> Program:
    """Return how the supervisor runs it.

    Args:
        home: its folder, for leases and storage.
        ports: on 127.0.0.1, of the UI and by TLS.
        tls: certificate and key.
        database_url: `postgresql+asyncpg://...`
        auth_string: `user:password` that every client must send.
        retention: what it removes.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Program(
        name="prefect-server",
        # `begin.py` takes its own PYTHONPATH away.
        argv=(
            *("/usr/bin/env", f"PYTHONPATH={PROJECT_ROOT}", sys.executable, "-m", "infra.local.prefect_listeners"),
            *map(str, (*ports, *tls)),
        ),
        cwd=home,
        env={
            "PREFECT_HOME": str(home),
            "PREFECT_API_DATABASE_CONNECTION_URL": database_url,
            "PREFECT_SERVER_API_AUTH_STRING": auth_string,
            # The server's own services call it as clients.
            "PREFECT_API_AUTH_STRING": auth_string,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            **retention.environment(),
            # By default, leases are kept in memory and lost when the server restarts.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            # Write task runs in batches, not with a statement for each of their states.
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
            "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
            "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
            "PREFECT_UI_URL": f"http://127.0.0.1:{ports[0]}",
            # Relative, so that the UI finds the API through a tunnel or a proxy, too.
            "PREFECT_UI_API_URL": "/api",
        },
        port=ports[0],
        stop_seconds=20,
        whole_group=True,
        children_in=home,
    )


def client_environment(
    *, home: Path, api_url: str, ui_url: str, auth_string: str | None, certificate: str | None
) -> dict[str, str]:
    """Return the environment in which Prefect's client finds the server."""
    found = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url,
        "PREFECT_UI_URL": ui_url,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # This server has CSRF protection off, but every new client would still request a token.
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
    }
    found |= {"PREFECT_API_SSL_CERT_FILE": certificate} if certificate else {}
    return found | ({"PREFECT_API_AUTH_STRING": auth_string} if auth_string else {})


def is_healthy(api_url: str, certificate: str | None) -> bool:
    """Say whether the server answers; a certificate is the only one that is trusted."""
    verify = ssl.create_default_context(cafile=certificate) if certificate else True
    try:
        return httpx.get(f"{api_url}/health", timeout=5, trust_env=False, verify=verify).status_code == 200
    except httpx.HTTPError:
        return False


def wait(api_url: str, certificate: str | None, *, timeout: float = 120) -> None:
    """Wait until the server answers; `timeout` in seconds.

    Raises:
        ServiceUnavailable: it does not answer in that time.
    """
    deadline = time.monotonic() + timeout
    while not is_healthy(api_url, certificate):
        if time.monotonic() > deadline:
            raise ServiceUnavailable(
                f"Prefect's server {api_url} is not healthy after {timeout:.0f} s.",
                "Read prefect-server.log in the stack's folder of logs, then run `dz up` again.",
            )
        time.sleep(0.2)
