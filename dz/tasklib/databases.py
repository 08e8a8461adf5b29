"""A project's own database: its name, its login, and the row of zoomdb that remembers both."""

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from dz import names
from dz.adapters.postgres import PostgresServer, database_works
from dz.errors import StackProblem, UnsupportedDatabase, WrongServer
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Database, Server

EXTENSIONS: dict[str, tuple[str, ...]] = {"postgresql": (), "postgresql-gis": ("postgis",)}
"""The PostgreSQL extensions that each `database_type` of zoombuild.cfg needs."""
LOOK_SECONDS = 2
"""Seconds that a check of a database from another server may take."""
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class DatabaseResult:
    """What `ensure_database` found.

    Args:
        created: the database was missing and has been created.
    """

    created: bool


@dataclass(frozen=True)
class Credentials:
    """How an app instance reaches its database; the password never shows in a repr."""

    name: str
    user: str
    password: str = field(repr=False)
    host: str
    port: int
    server: str

    @property
    def url(self) -> str:
        """The value of DATABASE_URL."""
        return f"postgres://{self.user}:{quote(self.password, safe='')}@{self.host}:{self.port}/{self.name}"


def extensions_of(database_type: str) -> tuple[str, ...]:
    """Return the extensions that a `database_type` needs, or raise UnsupportedDatabase."""
    if database_type in EXTENSIONS:
        return EXTENSIONS[database_type]
    raise UnsupportedDatabase(
        f"The platform offers no database of type {database_type!r}.",
        f"Set database_type to one of: {', '.join(EXTENSIONS)}.",
    )


def ensure_database(
    zoomdb: Zoomdb,
    project_id: int,
    *,
    server: PostgresServer,
    server_name: str,
    host: str,
    port: int,
    extensions: Sequence[str] = (),
    connections: int = 20,
    prefix: str = "",
) -> DatabaseResult:
    """Create the database and login of a project, or repair what is missing of them.

    The password is stored before the server learns it, so that a repeat, wherever this stopped, sets the same one.

    Args:
        server_name: the database server that this process belongs to.
        host: where app instances reach the server.
        extensions: to be created in the database.
        connections: how many connections the project may hold at once.
        prefix: put before the sysid to name a new database and its user.

    Raises:
        UnsupportedDatabase: the server does not offer an extension; nothing was changed.
        WrongServer: the project's database lies on another server and cannot be used from here.
        ServiceUnavailable: zoomdb or the database server does not answer.
    """
    server.check_version()
    server.require_extensions(extensions)
    known = _remember(zoomdb, project_id, server_name=server_name, host=host, port=port, prefix=prefix)
    if known.server != server_name:
        return _elsewhere(known, server_name)
    if not _works(known):
        server.ensure_role(known.user, known.password, connections=connections)
    created = server.ensure_database(known.name, owner=known.user, extensions=extensions)
    if not _works(known):
        raise StackProblem(
            f"Database {known.name} exists, but its user cannot log in at {host}:{port}.",
            "Allow scram-sha-256 logins of the sites' users from this network in pg_hba.conf, then repeat.",
        )
    return DatabaseResult(created)


def works(zoomdb: Zoomdb, project_id: int, *, extensions: Sequence[str]) -> bool:
    """Say whether a project's database is as its app instances need it; False also if this server cannot reach it."""
    known = _stored(zoomdb, project_id)
    return known is not None and _works(known, extensions, timeout=LOOK_SECONDS)


def credentials(zoomdb: Zoomdb, project_id: int) -> Credentials:
    """Return how a project's app instances reach their database, or raise StackProblem if it has none."""
    found = _stored(zoomdb, project_id)
    if found is None:
        raise StackProblem(
            f"Project {names.sysid(project_id)} has no database yet.", "Deploy the project anew; that creates it."
        )
    return found


def limit_roles(zoomdb: Zoomdb, *, server: PostgresServer, server_name: str) -> list[str]:
    """Give the sites' roles on a database server the limits that roles get today; return those that lacked one."""
    query = select(Database.user).join(Server, Database.server_id == Server.id)
    with zoomdb.session() as session:
        names = list(session.scalars(query.where(Server.name == server_name)))
    return server.limit_roles(names) if names else []


def drop_database(zoomdb: Zoomdb, project_id: int, *, server: PostgresServer, server_name: str) -> bool:
    """Drop a project's database and login, then forget them; return whether there was a row.

    Raises:
        WrongServer: the database lies on another server.
    """
    known = _stored(zoomdb, project_id)
    if known is None:
        return False
    if known.server != server_name:
        raise _wrong_server(known, server_name)
    server.drop(known.name)
    with zoomdb.session() as session:
        row = session.scalar(select(Database).where(Database.project_id == project_id))
        if row is not None:
            session.delete(row)
    return True


def _remember(zoomdb: Zoomdb, project_id: int, *, server_name: str, host: str, port: int, prefix: str) -> Credentials:
    """Return the stored login, creating it if there is none; if the server has moved, store its new address."""
    owner = f"{names.sysid(project_id)}/database"
    name = f"{prefix}{names.sysid(project_id)}"
    password = "".join(secrets.choice(_ALPHABET) for _ in range(30))
    try:
        with zoomdb.session() as session:
            row = session.scalar(select(Database).where(Database.project_id == project_id))
            server_id = session.scalars(select(Server.id).where(Server.name == server_name)).one()
            if row is None:
                token = zoomdb.encryption.encrypt(password, owner)
                row = Database(project_id=project_id, server_id=server_id, name=name, user=name, password=token)
                session.add(row)
            if row.server_id == server_id:
                row.host, row.port = host, port
    except IntegrityError:
        # Another run won the race and stored a password: that one counts.
        pass
    return credentials(zoomdb, project_id)


def _stored(zoomdb: Zoomdb, project_id: int) -> Credentials | None:
    query = select(Database, Server.name).join(Server, Database.server_id == Server.id)
    with zoomdb.session() as session:
        found = session.execute(query.where(Database.project_id == project_id)).one_or_none()
        if found is None:
            return None
        row, server = found
        password = zoomdb.encryption.decrypt(row.password, f"{names.sysid(project_id)}/database")
        return Credentials(row.name, row.user, password, row.host, row.port, server)


def _works(known: Credentials, extensions: Sequence[str] = (), *, timeout: int = 5) -> bool:
    return database_works(
        host=known.host,
        port=known.port,
        name=known.name,
        password=known.password,
        extensions=extensions,
        timeout=timeout,
    )


def _elsewhere(known: Credentials, server_name: str) -> DatabaseResult:
    if _works(known):
        return DatabaseResult(created=False)
    raise _wrong_server(known, server_name)


def _wrong_server(known: Credentials, server_name: str) -> WrongServer:
    return WrongServer(
        f"Database {known.name} lies on server {known.server}, not on {server_name}; nothing was changed.",
        f"Start {known.server} again, or move the database by hand and correct its row in zoomdb.",
    )
