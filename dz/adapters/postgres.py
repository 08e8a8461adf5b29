"""The sites' PostgreSQL server: a role and a database per project, closed to all others."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import extensions as pg
from psycopg2 import sql
from psycopg2.errors import DuplicateDatabase, DuplicateObject, QueryCanceled, UniqueViolation

from dz.errors import ServiceUnavailable, StackProblem, UnsupportedDatabase

FIXED_MINORS = {15: 150016, 16: 160012, 17: 170008, 18: 180002}
"""The first minor version without CVE-2026-2005 and CVE-2026-2006 (a tenant runs programs as the server's user)."""
UNTRUSTED_ALLOWED = frozenset({"postgis", "postgis_raster", "postgis_topology", "vector"})
"""Extensions that a project may ask for although PostgreSQL does not mark them as trusted."""
_SHARED = ("postgres", "template1")
_ADMIN_SECONDS = 60
_OWN_FUNCTIONS = """
select proname from pg_catalog.pg_proc
where pronamespace = 'public'::regnamespace and not exists (
    select 1 from pg_catalog.pg_depend where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e')
union all
select oprname from pg_catalog.pg_operator
where oprnamespace = 'public'::regnamespace and not exists (
    select 1 from pg_catalog.pg_depend where classid = 'pg_operator'::regclass and objid = pg_operator.oid and deptype = 'e')
limit 1
"""
_DATABASES_OF_RIGHTS = """
select distinct datname from pg_catalog.pg_shdepend
join pg_catalog.pg_database on pg_database.oid = pg_shdepend.dbid
where refclassid = 'pg_authid'::regclass and refobjid = (select oid from pg_catalog.pg_roles where rolname = %s)
and datallowconn
"""


_WITHOUT_LIMIT = """
select rolname from pg_catalog.pg_roles where rolname = any(%s)
and not exists (select from unnest(rolconfig) as one where one like 'temp_file_limit=%%')
"""
TEMP_MB = 2048
"""Temporary files that one connection of a site may fill."""


def session_options(seconds: float) -> str:
    """Return how the platform connects to any database that a site owns: nothing that the site has set or made counts.

    A site can give its role and its database settings, and objects with the names of the server's own. What a client
    asks for when it connects comes before the former, and the path of names leaves out the latter.

    Args:
        seconds: how long one statement may take.
    """
    values = {
        "search_path": "pg_catalog,pg_temp",
        "default_transaction_read_only": "off",
        "statement_timeout": f"{seconds * 1000:.0f}",
        "lock_timeout": f"{min(seconds, 10) * 1000:.0f}",
    }
    return " ".join(f"-c {name}={value}" for name, value in values.items())


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

    def ensure_role(self, name: str, password: str, *, connections: int, temp_mb: int = TEMP_MB) -> None:
        """Create the login role `name`, or set its password; it has no rights outside its own database.

        Args:
            name: the role; an identifier of ours.
            password: not sent to the server itself; only its SCRAM verifier is.
            connections: how many connections it may hold at once.
            temp_mb: how many MB of temporary files a connection may fill; only a superuser can set that.
        """
        with self._admin() as cursor:
            verifier = pg.encrypt_password(password, name, scope=cursor.connection, algorithm="scram-sha-256")
            with contextlib.suppress(DuplicateObject, UniqueViolation):
                cursor.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
            rights, superuser = "nosuperuser nocreatedb nocreaterole noreplication nobypassrls", _is_superuser(cursor)
            if not superuser:
                # Only a superuser may even name the attributes that only superusers grant; a new role has none of them.
                rights = "nocreatedb nocreaterole"
            cursor.execute(
                sql.SQL("alter role {} with login noinherit {} connection limit {} password {}").format(
                    sql.Identifier(name), sql.SQL(rights), sql.Literal(connections), sql.Literal(verifier)
                )
            )
            if superuser:
                _limit_temporary_files(cursor, name, temp_mb)

    def limit_roles(self, names: Sequence[str], *, temp_mb: int = TEMP_MB) -> list[str]:
        """Give roles that have none a limit on temporary files, and return them; only a superuser can.

        Args:
            names: roles of sites; missing ones are left out.
            temp_mb: see `ensure_role`.
        """
        with self._admin() as cursor:
            if not _is_superuser(cursor):
                return []
            cursor.execute(_WITHOUT_LIMIT, (list(names),))
            found = [str(name) for (name,) in cursor.fetchall()]
            for name in found:
                _limit_temporary_files(cursor, name, temp_mb)
        return found

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
        self._reopen(name)
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
        self._reopen(name)
        with self._admin() as cursor:
            cursor.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            cursor.execute(_DATABASES_OF_RIGHTS, (name,))
            granting = [database for (database,) in cursor.fetchall()]
            cursor.execute("select 1 from pg_roles where rolname = %s", (name,))
            if not cursor.fetchone():
                return
            cursor.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        # Any site can grant rights in its own database to the role of another, which could then not be dropped.
        for database in granting:
            with self._admin(database) as cursor:
                cursor.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        with self._admin() as cursor:
            cursor.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))

    def _reopen(self, name: str) -> None:
        """Take back what an owner can do to a database so that nobody could enter or drop it."""
        with self._admin() as cursor:
            query = "select 1 from pg_database where datname = %s and (datistemplate or not datallowconn)"
            cursor.execute(query, (name,))
            if cursor.fetchone():
                statement = sql.SQL("alter database {} with allow_connections true is_template false")
                cursor.execute(statement.format(sql.Identifier(name)))

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
            cursor.execute("select extname from pg_catalog.pg_extension")
            there = {found for (found,) in cursor.fetchall()}
            for extension in extensions:
                if extension not in there:
                    _refuse_own_functions(cursor, name, extension)
                    cursor.execute(
                        sql.SQL("create extension if not exists {} schema public").format(sql.Identifier(extension))
                    )

    @contextlib.contextmanager
    def _admin(self, database: str | None = None) -> Iterator[pg.cursor]:
        """Yield a cursor in autocommit mode, because CREATE DATABASE cannot run in a transaction."""
        connection: pg.connection | None = None
        options = session_options(_ADMIN_SECONDS)
        try:
            connection = psycopg2.connect(
                self._url, connect_timeout=10, options=options, client_encoding="UTF8", dbname=database
            )
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


def _limit_temporary_files(cursor: pg.cursor, name: str, temp_mb: int) -> None:
    limit = sql.SQL("alter role {} set temp_file_limit = {}")
    cursor.execute(limit.format(sql.Identifier(name), sql.Literal(f"{temp_mb}MB")))


def _is_superuser(cursor: pg.cursor) -> bool:
    cursor.execute("select rolsuper from pg_roles where rolname = current_user")
    row = cursor.fetchone()
    return bool(row and row[0])


def _refuse_own_functions(cursor: pg.cursor, database: str, extension: str) -> None:
    """Raise StackProblem if the script of an extension that only a superuser creates could run the site's functions.

    The site owns the schema, and the script finds names there. What PostgreSQL trusts, the site can create itself.
    """
    cursor.execute("select bool_or(trusted) from pg_available_extension_versions where name = %s", (extension,))
    if (row := cursor.fetchone()) and row[0]:
        return
    cursor.execute(_OWN_FUNCTIONS)
    if row := cursor.fetchone():
        raise StackProblem(
            f"The extension {extension} is not created in database {database}, whose schema public holds the site's "
            f"own function or operator {str(row[0])[:63]!r}: the extension's script would run it as a superuser.",
            f"Read what is there; if it is harmless, run CREATE EXTENSION {extension} SCHEMA public in that database.",
        )


def database_works(
    *, host: str, port: int, name: str, password: str, extensions: Iterable[str] = (), timeout: int = 5
) -> bool:
    """Say whether role `name` can use its database `name`, with these extensions in it, as an app instance would.

    Args:
        timeout: seconds to wait for a connection, and for the answer.
    """
    try:
        connection = psycopg2.connect(
            host=host,
            port=port,
            dbname=name,
            user=name,
            password=password,
            connect_timeout=timeout,
            require_auth="scram-sha-256",  # another program at that port is not told the password
            options=session_options(timeout),
            client_encoding="UTF8",
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("select extname from pg_catalog.pg_extension")
            return set(extensions) <= {found for (found,) in cursor.fetchall()}
    except (psycopg2.OperationalError, QueryCanceled):
        return False
