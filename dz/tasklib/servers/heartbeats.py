"""What a server reports about itself every few seconds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Server


@dataclass(frozen=True)
class Load:
    """How busy a server is; all but the last two in percent."""

    cpu_percent: float
    memory_percent: float
    disk_percent: float
    load1: float
    instances: int


def measure(folder: Path, instances: int) -> Load:
    """Measure this machine.

    Args:
        folder: any folder on the disk that counts.
        instances: how many app instances run here.
    """
    disk = psutil.disk_usage(str(folder)).percent
    return Load(psutil.cpu_percent(), psutil.virtual_memory().percent, disk, os.getloadavg()[0], instances)


def register(zoomdb: Zoomdb, server_name: str, *, role: str, address: str, capacity: int) -> None:
    """Write the server's row, but no heartbeat."""
    _upsert(zoomdb, {"name": server_name, "role": role, "address": address, "capacity": capacity})


def beat(
    zoomdb: Zoomdb,
    server_name: str,
    *,
    role: str,
    address: str,
    capacity: int,
    load: Load,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Record that the server is alive now, by the database's clock, and how busy it is.

    Args:
        facts: what else others must know, such as the `pythons` that it has and the `app_ports` of an appserver.
    """
    values: dict[str, object] = {"name": server_name, "role": role, "address": address, "capacity": capacity}
    values["facts"] = dict(facts or {})
    _upsert(zoomdb, {**values, **vars(load), "heartbeat": func.clock_timestamp()})


def _upsert(zoomdb: Zoomdb, values: dict[str, object]) -> None:
    base = {"enabled": True, "instances": 0, "facts": {}}
    statement = insert(Server).values({**base, **values})
    changed = {name: statement.excluded[name] for name in values if name != "name"}
    with zoomdb.session() as session:
        session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))
