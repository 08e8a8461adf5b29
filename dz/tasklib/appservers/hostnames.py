"""The file of the host names that an app instance answers to; a running one reads it again when it changes."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from dz.adapters import files
from dz.errors import going_on
from dz.tasklib.appservers.instance import hosts_file
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Release, Server, VirtualHost
from dz.zoomdb.states import LIVE

logger = logging.getLogger("dz.appservers")


def serving(zoomdb: Zoomdb, project_id: int) -> list[str]:
    """Return the appservers that run a version of a project."""
    query = (
        select(Server.name)
        .join(Deployment, Deployment.server_id == Server.id)
        .join(Release, Deployment.release_id == Release.id)
        .where(Release.project_id == project_id, Deployment.state.in_(LIVE))
    )
    with zoomdb.session() as session:
        return sorted(set(session.scalars(query)))


def write(zoomdb: Zoomdb, server_name: str, *, folder: Path, local_names: Sequence[str]) -> None:
    """Write the host names of every app instance on an appserver that has got or lost one.

    Args:
        folder: the appserver's.
        local_names: further names under which a local stack shows every site.
    """
    query = (
        select(Deployment.id, VirtualHost.name)
        .join(Release, Deployment.release_id == Release.id)
        .join(VirtualHost, VirtualHost.project_id == Release.project_id)
        .join(Server, Deployment.server_id == Server.id)
        .where(Server.name == server_name, Deployment.state.in_(LIVE))
        .order_by(VirtualHost.id)
    )
    found: dict[int, list[str]] = {}
    with zoomdb.session() as session:
        for deployment_id, name in session.execute(query):
            found.setdefault(deployment_id, []).append(name)
    for deployment_id, names in found.items():
        path = hosts_file(folder, deployment_id)
        with going_on(logger, f"writing the host names of app instance {deployment_id}"):
            if path.parent.is_dir():
                files.write_if_changed(path, text(names, local_names), mode=0o644)


def text(hosts: Sequence[str], local_names: Sequence[str]) -> str:
    """Return the content of such a file."""
    return json.dumps([*hosts, *local_names])
