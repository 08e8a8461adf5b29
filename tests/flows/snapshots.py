"""What must be the same before and after a refused request."""

import copy
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import select

from dz import wiring
from dz.settings import settings
from dz.tasklib.appservers import reconcile
from dz.zoomdb.models import Bundle, Database, Deployment, EnvVar, Project, Release, VirtualHost
from dz.zoomdb.states import LIVE
from tests.conftest import USERS


def files_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def databases_and_roles() -> list[str]:
    url = settings().sites_database_url.get_secret_value().replace("postgresql+psycopg2://", "postgresql://")
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("select datname from pg_database union all select rolname from pg_roles order by 1")
        return [name for (name,) in cursor.fetchall()]


def unix_users() -> list[str]:
    return sorted(entry.pw_name for entry in pwd.getpwall() if entry.pw_name.startswith(USERS))


def take() -> dict[str, Any]:
    """Return everything that a failed deploy could have changed."""
    with wiring.zoomdb().session() as session:
        rows: dict[str, Any] = {
            table.__tablename__: sorted(session.scalars(select(table.id)))
            for table in (Bundle, Release, Deployment, Database, VirtualHost, EnvVar)
        }
        live = select(Deployment.id, Deployment.state).where(Deployment.state.in_(LIVE)).order_by(Deployment.id)
        rows["live"] = [tuple(row) for row in session.execute(live)]
        projects = select(Project.name, Project.source_url, Project.ref, Project.title, Project.current_release_id)
        rows["projects"] = [tuple(row) for row in session.execute(projects.order_by(Project.id))]
    rows["server"] = databases_and_roles()
    rows["users"] = unix_users()
    rows["vhosts"] = files_below(wiring.server_dir("proxy") / "sites")
    rows["instances"] = sorted(path.name for path in (wiring.server_dir("appserver") / "instances").iterdir())
    rows["programs"] = sorted(reconcile.running(wiring.supervisor("appserver-1")))
    return rows


def without(rows: dict[str, Any], *names: str) -> dict[str, Any]:
    """Leave out the history that a late failure may write."""
    return {name: copy.deepcopy(value) for name, value in rows.items() if name not in names}


Edit = Callable[[Path], None]


def put(name: str, text: str) -> Edit:
    def edit(tree: Path) -> None:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return edit


def add(name: str, text: str) -> Edit:
    def edit(tree: Path) -> None:
        path = tree / name
        path.write_text((path.read_text() if path.exists() else "") + text)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(tree: Path) -> None:
        for one in edits:
            one(tree)

    return edit
