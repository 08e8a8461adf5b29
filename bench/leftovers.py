"""Takes the projects of earlier comparisons off the local stack, whole: app instances, hosts, databases, files, rows."""

import os
import pwd
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import ForeignKey, Table, delete, select, update
from sqlalchemy.orm import Session

from bench.ours import Platform
from dz import names, wiring
from dz.adapters import processes
from dz.adapters.processes import BASE_ENVIRONMENT
from dz.adapters.supervisor import Supervisor
from dz.settings import settings
from dz.tasklib.appservers import stop
from dz.tasklib.proxies import publish
from dz.zoomdb import locks
from dz.zoomdb.models import Base, Bundle, Database, Deployment, Project, Release, Server
from dz.zoomdb.states import LIVE, DeploymentState
from infra.local import ports
from infra.local.layout import Layout


def remove(ours: Platform) -> None:
    """Remove every project whose source is one of this comparison's repositories; its files are set aside.

    Deleting a tree of thousands of files would slow down the next one for minutes (see `extraction`), and be measured.
    """
    for project_id in _ids(ours):
        _stop(ours, project_id)
        sysid = names.sysid(project_id)
        _hide(ours, sysid)
        for name in _databases(ours, project_id):
            wiring.postgres().drop(name)
        _remove_files(sysid, _own_layers(ours, project_id))
        with ours.zoomdb.session() as session:
            session.execute(update(Project).where(Project.id == project_id).values(current_release_id=None))
            _delete(session, Base.metadata.tables["project"], [project_id])
        _remove_user(settings().unix_user(sysid))


def _ids(ours: Platform) -> list[int]:
    with ours.zoomdb.session() as session:
        ours_only = Project.source_url.like(f"{ours.stack.git_url}/bench-%")
        return list(session.scalars(select(Project.id).where(ours_only)))


def _stop(ours: Platform, project_id: int) -> None:
    with ours.zoomdb.session() as session:
        query = select(Deployment).join(Release, Deployment.release_id == Release.id)
        live = list(session.scalars(query.where(Release.project_id == project_id, Deployment.state.in_(LIVE))))
        for row in live:
            row.state = DeploymentState.RETIRING
        found = [(row.id, row.server.name) for row in live]
    for deployment, server in found:
        folder = wiring.server_dir("appserver", server)
        socket = Layout(settings().state_dir).run / server / "supervisor.sock"
        stop.stop(ours.zoomdb, Supervisor(folder / "supervisor", socket), deployment, folder=folder)


def _hide(ours: Platform, sysid: str) -> None:
    state = settings().state_dir
    places = ports.choose(state / "ports.json", seed=Layout(state).name, base=None)
    with ours.zoomdb.session() as session:
        servers = {row.name: row.id for row in session.scalars(select(Server).where(Server.role == "proxy"))}
    for name, server in servers.items():
        nginx, number = wiring.nginx(name), int(name.rsplit("-", 1)[1])
        nginx.port, nginx.status_port = places.proxy(number), places.proxy_status(number)
        with ours.zoomdb.lock(locks.PROXY, server):
            if nginx.site(sysid) is not None:
                publish.remove(sysid, nginx=nginx)


def _databases(ours: Platform, project_id: int) -> list[str]:
    with ours.zoomdb.session() as session:
        return list(session.scalars(select(Database.name).where(Database.project_id == project_id)))


def _own_layers(ours: Platform, project_id: int) -> set[str]:
    """Return the layers that no other project has."""
    own: set[str] = set()
    others: set[str] = set()
    with ours.zoomdb.session() as session:
        for owner, manifest in session.execute(select(Bundle.project_id, Bundle.manifest)):
            found = {layer["sha256"] for layer in manifest.get("layers", [])}
            (own if owner == project_id else others).update(found)
    return own - others


def _remove_files(sysid: str, layers: set[str]) -> None:
    servers = settings().state_dir / "servers"
    doomed = [*servers.glob(f"*/*/{sysid}"), *(found for sha in layers for found in servers.glob(f"*/*/{sha}*"))]
    aside = _aside() / uuid.uuid4().hex
    aside.mkdir(parents=True)
    for number, path in enumerate(doomed):
        path.rename(aside / str(number))
    for sha in layers:
        wiring.bundle_store().delete(f"layers/{sha}.tar.zst")


def delete_set_aside() -> None:
    """Delete the files that were set aside."""
    shutil.rmtree(_aside(), ignore_errors=True)


def _aside() -> Path:
    return settings().state_dir / "bench-leftovers"


def _delete(session: Session, table: Table, ids: Sequence[int]) -> None:
    """Delete rows and all that refer to them."""
    if not ids:
        return
    for other in Base.metadata.sorted_tables:
        for key in other.foreign_keys:
            if key.column.table is table and not _is_cycle(key):
                _delete(session, other, list(session.scalars(select(other.c.id).where(key.parent.in_(ids)))))
    session.execute(delete(table).where(table.c.id.in_(ids)))


def _is_cycle(key: ForeignKey) -> bool:
    return bool(key.use_alter)


def _remove_user(user: str | None) -> None:
    if user is None or os.geteuid() != 0:
        return
    try:
        pwd.getpwnam(user)
    except KeyError:
        return
    processes.run(["userdel", user], cwd=Path("/"), env={**BASE_ENVIRONMENT, "PATH": "/usr/sbin:/usr/bin"}, timeout=30)
