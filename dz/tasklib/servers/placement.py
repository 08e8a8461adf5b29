"""Placement: which appservers run a release, and on which port."""

import contextlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dz.errors import NoAppserver, ServiceUnavailable
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.jobs import fencing
from dz.tasklib.servers.servers import SILENT_AFTER
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Deployment, Release, Server
from dz.zoomdb.states import LIVE, DeploymentState

_PLATFORM = re.compile(r"(.+?[a-z])-?(\d+(?:\.\d+)*)", re.ASCII)
FULL_PERCENT = 95
"""A server whose disk or memory is fuller than this takes no further app instance."""


@dataclass(frozen=True)
class ServerState:
    """What placement knows about an appserver.

    Args:
        age: seconds since its last heartbeat by the database's clock; None: it never sent one.
    """

    name: str
    age: float | None
    capacity: int
    instances: int
    cpu_percent: float = 0
    memory_percent: float = 0
    disk_percent: float = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    def lacks(self, manifest: Manifest) -> str:
        """Say what of a bundle's Python and platform is not there and cannot be fetched; empty if nothing.

        A server whose worker is of an earlier release does not tell, and is taken to have everything.
        """
        facts, source = self.facts, manifest.python_source
        if "pythons" not in facts:
            return ""
        if not _runs_on(manifest.platform, str(facts.get("platform", manifest.platform))):
            return f"its platform is {facts['platform']}, that of the build {manifest.platform}"
        if source and not facts.get("fetches_pythons") and source.sha256 not in facts.get("fetched_pythons", ()):
            return f"has not the Python {manifest.python_full} of the build, and DZ_PYTHON_DOWNLOADS is never"
        minors = {str(version).rsplit(".", 1)[0] for version in facts["pythons"]}
        return "" if source or manifest.python in minors else f"has no Python {manifest.python}"


@dataclass(frozen=True)
class Placed:
    """A release on an appserver; `warm`: it is already healthy there."""

    server: str
    deployment_id: int
    port: int
    warm: bool


def choose(servers: Sequence[ServerState], *, instances: int, manifest: Manifest | None = None) -> list[str]:
    """Return up to `instances` different servers, least loaded first.

    Args:
        manifest: the bundle's, whose Python they must have or be able to fetch; None: it is not known yet.

    The load is the greatest of three shares: instances out of capacity, memory, processor. The name breaks ties.

    Raises:
        NoAppserver: no server is alive, has room, and has what the bundle needs.
    """
    refused = {server.name: refusal(server) or (manifest and server.lacks(manifest)) or "" for server in servers}
    fine = sorted((server for server in servers if not refused[server.name]), key=lambda s: (score(s), s.name))
    if fine:
        return [server.name for server in fine[:instances]]
    reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(refused.items()))
    remedy = "Start another appserver, or make room on one of these; `dz servers` lists them."
    if any(not refusal(server) for server in servers):
        remedy = "Give one of these the Python, or allow downloads of it (setting DZ_PYTHON_DOWNLOADS)."
    raise NoAppserver(f"No appserver can take the site. {reasons or 'None is registered.'}", remedy)


def refuse_full(zoomdb: Zoomdb) -> None:
    """Raise NoAppserver if no appserver could take a further app instance now."""
    with zoomdb.session() as session:
        choose(_states(session), instances=1)


def likely(zoomdb: Zoomdb, *, instances: int) -> list[str]:
    """Return the appservers that a release would be placed on if it were placed now; empty if none has room."""
    with contextlib.suppress(NoAppserver), zoomdb.session() as session:
        return choose(_states(session), instances=instances)
    return []


def score(server: ServerState) -> float:
    """Return how loaded a server is: 0 idle, 1 full."""
    return max(server.instances / server.capacity, server.memory_percent / 100, server.cpu_percent / 100)


def refusal(server: ServerState) -> str:
    """Return why a server takes no further app instance; empty if it does."""
    if server.age is None:
        return "no heartbeat yet"
    if server.age > SILENT_AFTER:
        return f"silent for {server.age:.0f} s"
    if server.instances >= server.capacity:
        return f"full, {server.instances} of {server.capacity} app instances"
    if server.disk_percent > FULL_PERCENT:
        return f"disk {server.disk_percent:.0f} % full"
    if server.memory_percent > FULL_PERCENT:
        return f"memory {server.memory_percent:.0f} % full"
    return ""


def place(
    zoomdb: Zoomdb,
    release_id: int,
    *,
    port_range: tuple[int, int],
    instances: int | None = None,
    job_id: int | None = None,
    lost: Sequence[str] = (),
) -> list[Placed]:
    """Choose appservers for a release and reserve a port on each; a repeat returns the same while they are alive.

    Args:
        port_range: first and last port, for a server whose heartbeat names none of its own.
        instances: on how many servers; None: as the release's plan says.
        job_id: the job that places it.
        lost: servers that could not boot it, since they were not heard of any more; their places are given up.

    Raises:
        NoAppserver: no server, or no port, is left.
        ServiceUnavailable: another placement does not finish, or the release is being taken down (transient).
    """
    with zoomdb.lock(locks.PLACEMENT, 0), zoomdb.session() as session:
        if job_id is not None:
            fencing.guard(session, job_id)
        release = session.get_one(Release, release_id)
        manifest = Manifest.from_json(release.bundle.manifest)
        wanted = instances or manifest.plan.instances
        states = {state.name: state for state in _states(session)}
        rows = session.scalars(select(Deployment).where(Deployment.release_id == release_id))
        known = {row.server.name: row for row in rows}
        for name in lost:
            if name in known and known[name].state in LIVE:
                # The server takes it down as soon as it is back.
                known[name].state, known[name].job_id = DeploymentState.RETIRING, None
        states = {name: state for name, state in states.items() if name not in lost}
        held = [n for n, row in sorted(known.items()) if row.state in LIVE and n in states and _alive(states[n])]
        names = held[:wanted]
        others = [state for name, state in states.items() if name not in names]
        if len(names) < wanted and (others or not names):
            with contextlib.suppress(*([NoAppserver] if names else [])):
                names += choose(others, instances=wanted - len(names), manifest=manifest)
        return [_reserve(session, release_id, job_id, name, known.get(name), port_range) for name in names]


def places_given_up(zoomdb: Zoomdb, release_id: int) -> list[str]:
    """Return the live servers that are still taking a release down."""
    query = select(Server.name).join(Deployment, Deployment.server_id == Server.id)
    query = query.where(Deployment.release_id == release_id, Deployment.state == DeploymentState.RETIRING)
    age = func.extract("epoch", func.clock_timestamp() - Server.heartbeat)
    with zoomdb.session() as session:
        return list(session.scalars(query.where(age <= SILENT_AFTER)))


def _runs_on(built: str, here: str) -> bool:
    """Say whether what was built on one platform runs on another: the same, or with a newer C library."""
    first, second = _PLATFORM.fullmatch(built), _PLATFORM.fullmatch(here)
    if not first or not second:
        return True  # one of them is not of the known form: let the deploy show it
    numbers = [tuple(int(number) for number in one[2].split(".")) for one in (first, second)]
    return first[1] == second[1] and numbers[0] <= numbers[1]


def _alive(state: ServerState) -> bool:
    return state.age is not None and state.age <= SILENT_AFTER


def _states(session: Session) -> list[ServerState]:
    age = func.extract("epoch", func.clock_timestamp() - Server.heartbeat)
    live = select(func.count()).where(Deployment.server_id == Server.id, Deployment.state.in_(LIVE)).scalar_subquery()
    query = select(Server, age, live).where(Server.role == "appserver", Server.enabled)
    return [
        ServerState(
            server.name,
            None if seconds is None else float(seconds),
            max(server.capacity, 1),
            max(server.instances, rows),
            server.cpu_percent or 0,
            server.memory_percent or 0,
            server.disk_percent or 0,
            server.facts,
        )
        for server, seconds, rows in session.execute(query)
    ]


def _reserve(
    session: Session,
    release_id: int,
    job_id: int | None,
    name: str,
    row: Deployment | None,
    port_range: tuple[int, int],
) -> Placed:
    if row and row.state == DeploymentState.RETIRING:
        raise ServiceUnavailable(f"{name} is just taking this version down.", "Run the job again in a minute.")
    if row is None or row.state not in LIVE:
        server = session.scalars(select(Server).where(Server.name == name)).one()
        port = _port(session, server.id, name, tuple(server.facts.get("app_ports", port_range)))
        row = row or Deployment(release_id=release_id, server_id=server.id, port=port)
        row.port, row.state, row.job_id = port, DeploymentState.STARTING, job_id
        session.add(row)
        session.flush()
    return Placed(name, row.id, row.port, warm=row.state != DeploymentState.STARTING)


def _port(session: Session, server_id: int, name: str, port_range: tuple[int, int]) -> int:
    """Return a random unreserved port, so that a project cannot predict which one another will get."""
    query = select(Deployment.port).where(Deployment.server_id == server_id, Deployment.state.in_(LIVE))
    free = sorted(set(range(port_range[0], port_range[1] + 1)) - set(session.scalars(query)))
    if not free:
        raise NoAppserver(f"All ports {port_range[0]} to {port_range[1]} of {name} are taken.", "Widen DZ_APP_PORTS.")
    return random.choice(free)
