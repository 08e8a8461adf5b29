"""Servers: which are registered and alive, and what became of work sent to them."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select

from dz.errors import DzError, NoServerOfRole, ServerLost, from_record
from dz.tasklib.jobs import failures
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Server

SILENT_AFTER = 30
"""Seconds without a heartbeat after which a server counts as silent; a heartbeat comes every 5 s."""


@dataclass(frozen=True)
class ServerView:
    """A server and what it last reported about itself."""

    name: str
    role: str
    address: str
    alive: bool
    heartbeat: dt.datetime | None
    capacity: int
    instances: int
    cpu_percent: float | None
    memory_percent: float | None
    disk_percent: float | None
    load1: float | None
    pythons: tuple[str, ...] = ()
    """The versions that sites can get here, the server's own first, then those that were fetched."""
    polled: float | None = 0
    """Seconds since its worker last asked Prefect for work; None: not yet; 0 if it does not tell."""


def listed(zoomdb: Zoomdb, *, role: str | None = None, alive_only: bool = False) -> list[ServerView]:
    """Return the enabled servers by role and name; ages are measured by the database's clock."""
    age = func.extract("epoch", func.now() - Server.heartbeat)
    query = select(Server, age).where(Server.enabled).order_by(Server.role, Server.name)
    if role:
        query = query.where(Server.role == role)
    with zoomdb.session() as session:
        found = [_view(server, seconds) for server, seconds in session.execute(query)]
    return [server for server in found if server.alive or not alive_only]


def alive(zoomdb: Zoomdb, role: str) -> list[str]:
    """Return the names of the servers of a role that are alive, or raise NoServerOfRole if there are none."""
    refuse_silent_role(zoomdb, role)
    return [server.name for server in listed(zoomdb, role=role, alive_only=True)]


def refuse_silent_role(zoomdb: Zoomdb, role: str, server: str | None = None) -> None:
    """Raise NoServerOfRole if no server of a role, or not the named one, is alive: nobody would take queued work."""
    alive = [found.name for found in listed(zoomdb, role=role, alive_only=True)]
    if server in alive or (server is None and alive):
        return
    raise NoServerOfRole(
        f"{server or f'No server of the role {role!r}'} is {'not ' if server else ''}alive: none has sent a heartbeat in the last {SILENT_AFTER} s.",
        f"Start a worker of that role (`dz status` shows the local stack; elsewhere `python -m dz.worker --role {role}`).",
    )


def error_of_child(zoomdb: Zoomdb, flow_run_id: str, *, where: str, state: str) -> DzError:
    """Return the error to raise for a subflow that did not complete."""
    failure = failures.of_child(zoomdb, flow_run_id)
    if failure:
        return from_record(failure)
    return ServerLost(
        f"Work sent to {where} ended as {state} without saying why.",
        "Look at the logs of its flow run in the Prefect UI and at the worker's log; then run the job again.",
    )


def _view(server: Server, age: float | None) -> ServerView:
    return ServerView(
        name=server.name,
        role=server.role,
        address=server.address,
        alive=age is not None and age < SILENT_AFTER,
        heartbeat=server.heartbeat,
        capacity=server.capacity,
        instances=server.instances,
        cpu_percent=server.cpu_percent,
        memory_percent=server.memory_percent,
        disk_percent=server.disk_percent,
        load1=server.load1,
        pythons=(*server.facts.get("pythons", ()), *server.facts.get("fetched_pythons", {}).values()),
        polled=_polled(server, age),
    )


def _polled(server: Server, age: float | None) -> float | None:
    """Return how long ago a worker asked for work: what it said, and how long ago it said so."""
    said = server.facts.get("polled", 0.0)
    return None if said is None else float(said) + (float(age or 0) if "polled" in server.facts else 0)
