"""What serves, by asking: each app instance on its appserver, and each proxy that should show the site."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from dz.tasklib.messages import observations
from dz.tasklib.servers import servers
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Project, Server
from dz.zoomdb.states import SHOWN


@dataclass(frozen=True)
class Serving:
    """What was seen of the version that users should see.

    Args:
        version: its number.
        asked: when it was asked.
        wrong: by server, what is not as it should be.
    """

    version: int
    asked: dt.datetime
    wrong: dict[str, str]

    @property
    def well(self) -> bool:
        """Whether it serves on every appserver and every proxy."""
        return not self.wrong

    def sentence(self) -> str:
        """Say what is wrong."""
        return "; ".join(f"{server}: {wrong}" for server, wrong in sorted(self.wrong.items()))


def ask(zoomdb: Zoomdb, project_id: int, *, look: Callable[[str, int], None] | None = None) -> Serving | None:
    """Ask the servers of a project's current version; None: it has none.

    Args:
        look: stores what a server of this process sees of a project; None: the servers' workers are asked.
    """
    with zoomdb.session() as session:
        release = session.get_one(Project, project_id).current_release
        if release is None:
            return None
        query = select(Server.name).join(Deployment, Deployment.server_id == Server.id)
        shown = query.where(Deployment.release_id == release.id, Deployment.state.in_(SHOWN))
        appservers, version = set(session.scalars(shown)), release.number
    known = {server.name: server for server in servers.listed(zoomdb)}
    asked = appservers | {name for name, server in known.items() if server.role == "proxy"}
    alive = {name for name in asked if name in known and known[name].alive}
    wrong = {name: _silence(known.get(name)) for name in asked - alive}
    if not appservers:
        wrong["appservers"] = "no app instance of it runs"
    answers = observations.ask(zoomdb, project_id, alive, look=look)
    return Serving(version, dt.datetime.now(dt.UTC), wrong | {name: text for name, text in answers.items() if text})


def _silence(server: servers.ServerView | None) -> str:
    heard = f" since {server.heartbeat:%Y-%m-%d %H:%M:%S} UTC" if server and server.heartbeat else ""
    return f"has given no sign of life{heard}"
