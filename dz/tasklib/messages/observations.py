"""What servers see of a project when they are asked: rows of zoomdb are what should be, these are what was."""

import time
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from dz.errors import ServiceUnavailable
from dz.zoomdb import Zoomdb, notices
from dz.zoomdb.models import Observation, Server

PATIENCE = 10.0
"""Seconds after which a server that was asked counts as one that does not answer."""
_PAUSE = 0.05
_AGAIN = 1.0
"""Seconds between two attempts to listen."""


def write(
    zoomdb: Zoomdb, server_name: str, project_id: int, *, wrong: str, upstreams: Sequence[str] | None = None
) -> None:
    """Store what a server sees of a project now.

    Args:
        wrong: what is not as it should be; empty if all is well.
        upstreams: proxies: the `address:port` of each app instance that nginx sends requests to; None: as before.
    """
    values = {"project_id": project_id, "seen": func.clock_timestamp(), "wrong": wrong[:500]}
    changed = {"seen": func.clock_timestamp(), "wrong": wrong[:500]}
    if upstreams is not None:
        values["upstreams"] = changed["upstreams"] = list(upstreams)
    server = select(Server.id).where(Server.name == server_name).scalar_subquery()
    statement = insert(Observation).values(server_id=server, **values)
    with zoomdb.session() as session:
        keys = ["project_id", "server_id"]
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def ask(
    zoomdb: Zoomdb,
    project_id: int,
    servers: Collection[str],
    *,
    patience: float = PATIENCE,
    look: Callable[[str, int], None] | None = None,
) -> dict[str, str]:
    """Have servers look at a project, and return by server what is wrong there; an empty text: nothing.

    Args:
        patience: seconds to wait for their answers.
        look: looks for a server of this process; None: the servers' workers are told.

    Raises:
        ServiceUnavailable: zoomdb does not answer (transient).
    """
    with zoomdb.session() as session:
        asked = session.scalar(select(func.clock_timestamp()))
    if look:
        for server in servers:
            look(server, project_id)
    else:
        notices.send(zoomdb, notices.ASKED, str(project_id))
    query = select(Server.name, Observation.wrong).join(Server, Observation.server_id == Server.id)
    query = query.where(Observation.project_id == project_id, Observation.seen > asked, Server.name.in_(servers))
    deadline = time.monotonic() + patience
    while True:
        with zoomdb.session() as session:
            found = {row.name: row.wrong for row in session.execute(query)}
        if len(found) == len(servers):
            return found
        if time.monotonic() > deadline:
            return dict.fromkeys(servers, f"does not say within {patience:.0f} s how it is") | found
        time.sleep(_PAUSE)


def answer(zoomdb: Zoomdb, look: Callable[[int], None]) -> None:
    """Look at each project that anybody asks about, for ever.

    Args:
        look: given a project's id, stores what this server sees of it; its errors are its own.
    """
    while True:
        try:
            with notices.listen(zoomdb, notices.ASKED) as heard:
                while True:
                    for payload in dict.fromkeys(heard.wait(30)):
                        look(int(payload))
        except ServiceUnavailable:
            time.sleep(_AGAIN)


def last_wrong(zoomdb: Zoomdb, server_name: str, project_id: int, *, seconds: float) -> str:
    """Return what a server saw to be wrong with a project in the last `seconds`; empty if nothing."""
    recent = Observation.seen > func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    query = select(Observation.wrong).join(Server, Observation.server_id == Server.id)
    with zoomdb.session() as session:
        query = query.where(Server.name == server_name, Observation.project_id == project_id, recent)
        return session.scalar(query) or ""
