"""The sites' PostgreSQL server: a role and a database per project, closed to all others."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import extensions as pg
from psycopg2 import sql
from psycopg2.errors import DuplicateDatabase, DuplicateObject, UniqueViolation

from dz.errors import ServiceUnavailable, StackProblem, UnsupportedDatabase

FIXED_MINORS = {15: 150016, 16: 160012, 17: 170008, 18: 180002}
"""The first minor version without CVE-2026-2005 and CVE-2026-2006 (a tenant runs programs as the server's user)."""
UNTRUSTED_ALLOWED = frozenset({"postgis", "postgis_raster", "postgis_topology", "vector"})
"""Extensions that a project may ask for although PostgreSQL does not mark them as trusted."""
_SHARED = ("postgres", "template1")


class PostgresServer:
    """An administrator's view of the sites' database server.

    Args:
        admin_url: URL of a superuser, or of a role with CREATEDB and CREATEROLE on a managed server.
    """

    def __init__(self, admin_url: str) -> None:
        self._url = admin_url.replace("postgresql+psycopg2://", "postgresql://", 1)
        found = urlsplit(self._url)
        self._place = f"{found.hostname or 'the local socket'}:{found.port or 5432}"

    def check_version(self) -> None:
        """Raise StackProblem if the server has a vulnerability that lets one tenant take it over."""
        with self._admin() as cursor:
            version = cursor.connection.server_version
        first_fixed = FIXED_MINORS.get(version // 10000, 0 if version >= 190000 else version + 1)
        if version < first_fixed:
            raise StackProblem(
                f"PostgreSQL {version // 10000}.{version % 10000} lets a site take over the server (CVE-2026-2005).",
                "Update the sites' database server: 15.16, 16.12, 17.8, 18.2 or newer.",
            )

    def extensions(self) -> dict[str, bool]:
        """Return the extensions that the server offers, each with whether PostgreSQL trusts it."""
        query = "select name, bool_or(trusted) from pg_available_extension_versions group by name order by name"
        with self._admin() as cursor:
            cursor.execute(query)
            return {name: bool(trusted) for name, trusted in cursor.fetchall()}

    def require_extensions(self, wanted: Iterable[str]) -> None:
        """Raise UnsupportedDatabase unless the server offers all of `wanted` and a project may have them."""
        missing = set(wanted)
        if not missing:
            return
        offered = self.extensions()
        missing -= {name for name, trusted in offered.items() if trusted or name in UNTRUSTED_ALLOWED}
        if missing:
            raise UnsupportedDatabase(
                f"The project needs PostgreSQL extensions that the database server does not offer: "
                f"{', '.join(sorted(missing))}.",
                f"Do without them, or ask the operator to install them. Offered: {', '.join(offered)}.",
            )

    def ensure_role(self, name: str, password: str, *, connections: int) -> None:
        """Create the login role `name`, or set its password; it has no rights outside its own database.

        Args:
            name: the role; an identifier of ours.
            password: not sent to the server itself; only its SCRAM verifier is.
            connections: how many connections it may hold at once.
        """
        with self._admin() as cursor:
            verifier = pg.encrypt_password(password, name, scope=cursor.connection, algorithm="scram-sha-256")
            with contextlib.suppress(DuplicateObject, UniqueViolation):
                cursor.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
            rights = "nosuperuser nocreatedb nocreaterole noreplication nobypassrls"
            if not _is_superuser(cursor):
                # Only a superuser may even name the attributes that only superusers grant; a new role has none of them.
                rights = "nocreatedb nocreaterole"
            cursor.execute(
                sql.SQL("alter role {} with login noinherit {} connection limit {} password {}").format(
                    sql.Identifier(name), sql.SQL(rights), sql.Literal(connections), sql.Literal(verifier)
                )
            )

    def ensure_database(self, name: str, *, owner: str, extensions: Iterable[str] = ()) -> bool:
        """Create the database of a role and close it to everybody else; return whether it was missing.

        Args:
            name: the database; an identifier of ours.
            owner: an existing role.
            extensions: created in it; see `require_extensions`.

        Raises:
            UnsupportedDatabase: an extension is not offered; nothing was changed.
        """
        wanted = sorted(set(extensions))
        self.require_extensions(wanted)
        created = self._create(name, owner)
        self.close_to_public(*_SHARED, name)
        self._give_schema(name, owner, wanted)
        return created

    def close_to_public(self, *databases: str) -> None:
        """Let no role connect to these databases unless it owns them or was granted the right."""
        query = "select datname from pg_database where datname = any(%s) and has_database_privilege('public', oid, %s)"
        with self._admin() as cursor:
            open_ones: set[str] = set()
            for right in ("CONNECT", "TEMPORARY", "CREATE"):
                cursor.execute(query, (list(databases), right))
                open_ones |= {name for (name,) in cursor.fetchall()}
            for name in sorted(open_ones):
                cursor.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))

    def drop(self, name: str) -> None:
        """Drop a project's database, ending its connections, and its role; no-op for what is missing."""
        with self._admin() as cursor:
            cursor.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))

    def _create(self, name: str, owner: str) -> bool:
        with self._admin() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (name,))
            if cursor.fetchone():
                return False
            if not _is_superuser(cursor):
                cursor.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(owner)))
            statement = sql.SQL("create database {} owner {} encoding 'UTF8' template template0").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
            try:
                cursor.execute(statement)
            except (DuplicateDatabase, UniqueViolation):
                return False
            return True

    def _give_schema(self, name: str, owner: str, extensions: list[str]) -> None:
        with self._admin(name) as cursor:
            if _is_superuser(cursor) or cursor.connection.server_version < 150000:
                cursor.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(owner)))
            for extension in extensions:
                cursor.execute(
                    sql.SQL("create extension if not exists {} schema public").format(sql.Identifier(extension))
                )

    @contextlib.contextmanager
    def _admin(self, database: str | None = None) -> Iterator[pg.cursor]:
        """Yield a cursor in autocommit mode, because CREATE DATABASE cannot run in a transaction."""
        connection: pg.connection | None = None
        # A tenant's database may set a search_path of its own: the administrator must not follow it.
        options = "-c search_path=pg_catalog -c lock_timeout=10s -c statement_timeout=60s"
        try:
            connection = psycopg2.connect(self._url, connect_timeout=10, options=options, dbname=database)
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        except psycopg2.OperationalError as error:
            raise ServiceUnavailable(
                f"The sites' database server at {self._place} does not answer.",
                "Check that its PostgreSQL runs and that this server may reach it; `dz status` shows the local one.",
            ) from error
        except psycopg2.Error as error:
            raise StackProblem(
                f"The sites' database server refused a change: {error.diag.message_primary or type(error).__name__}.",
                "Check the rights of the role in DZ_SITES_DATABASE_URL: superuser, or CREATEDB and CREATEROLE.",
            ) from error
        finally:
            if connection is not None:
                connection.close()


def _is_superuser(cursor: pg.cursor) -> bool:
    cursor.execute("select rolsuper from pg_roles where rolname = current_user")
    row = cursor.fetchone()
    return bool(row and row[0])


def database_works(
    *, host: str, port: int, name: str, password: str, extensions: Iterable[str] = (), timeout: int = 5
) -> bool:
    """Say whether role `name` can use its database `name`, with these extensions in it, as an app instance would.

    Args:
        timeout: seconds to wait for a connection.
    """
    connect = functools.partial(psycopg2.connect, host=host, port=port, dbname=name, connect_timeout=timeout)
    try:
        with contextlib.closing(connect(user=name, password=password)) as connection, connection.cursor() as cursor:
            cursor.execute("select extname from pg_extension")
            return set(extensions) <= {found for (found,) in cursor.fetchall()}
    except psycopg2.OperationalError:
        return False
