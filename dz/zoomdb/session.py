"""Sessions, locks and migrations of zoomdb."""

import contextlib
import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, Executable, Row, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from dz.errors import ServiceUnavailable
from dz.zoomdb.encryption import Encryption

_KEEPALIVE = {"options": "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"}
MIGRATIONS = Path(__file__).parent / "migrations"
_CLOSE = "do $$ begin execute format('revoke all on database %I from public', current_database()); end $$"


class Zoomdb:
    """A connection to zoomdb and the keys to its secrets.

    Args:
        url: `postgresql+psycopg2://...`
        key_file: see `Encryption`; read when a secret is first needed.
    """

    def __init__(self, url: str, key_file: Path) -> None:
        self.url = url
        self._key_file = key_file
        self._engine: Engine = create_engine(
            url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": 10}
        )
        self._single = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # A lock lives as long as its connection, so lock connections have a pool of their own. The keepalive releases
        # the locks of a machine that is gone within a minute.
        self._locks: Engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=3,
            max_overflow=-1,
            hide_parameters=True,
            connect_args={"connect_timeout": 10, **_KEEPALIVE},
        )
        for engine in (self._engine, self._locks):
            event.listen(engine, "do_connect", _sign)
        self._session = sessionmaker(self._engine, expire_on_commit=False)

    @functools.cached_property
    def encryption(self) -> Encryption:
        """The keys of this server."""
        return Encryption(self._key_file)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back on an error.

        Raises:
            ServiceUnavailable: zoomdb does not answer (transient).
        """
        try:
            with self._session.begin() as session:
                yield session
        except OperationalError as error:
            raise unavailable() from error

    def execute(self, statement: Executable, values: dict[str, Any]) -> None:
        """Execute one statement in autocommit mode, which takes half the time of a session.

        Raises:
            ServiceUnavailable: zoomdb does not answer (transient).
        """
        try:
            with self._single.connect() as connection:
                connection.execute(statement, values)
        except OperationalError as error:
            raise unavailable() from error

    def ask(self, statement: Executable, values: dict[str, Any]) -> Row[*tuple[Any, ...]] | None:
        """Execute one statement in autocommit mode and return the first row that it answers.

        Raises:
            ServiceUnavailable: zoomdb does not answer (transient).
        """
        try:
            with self._single.connect() as connection:
                return connection.execute(statement, values).first()
        except OperationalError as error:
            raise unavailable() from error

    @contextlib.contextmanager
    def try_lock(self, kind: int, number: int) -> Iterator[bool]:
        """Try to take an advisory lock that dies with this process; yields whether it was taken.

        Args:
            kind: a constant of `dz.zoomdb.locks`.
            number: the row that is locked.

        Raises:
            ServiceUnavailable: zoomdb does not answer (transient).
        """
        keys = {"kind": kind, "number": number}
        with contextlib.ExitStack() as stack:
            try:
                connection = stack.enter_context(self._locks.connect()).execution_options(isolation_level="AUTOCOMMIT")
                taken = bool(connection.scalar(text("select pg_try_advisory_lock(:kind, :number)"), keys))
            except OperationalError as error:
                raise unavailable() from error
            try:
                yield taken
            finally:
                # A connection that broke in the meantime has already released the lock.
                with contextlib.suppress(OperationalError):
                    if taken:
                        connection.execute(text("select pg_advisory_unlock(:kind, :number)"), keys)

    @contextlib.contextmanager
    def lock(self, kind: int, number: int, *, seconds: float = 60) -> Iterator[None]:
        """Wait for an advisory lock and hold it.

        Args:
            seconds: how long to wait.

        Raises:
            ServiceUnavailable: it was not free in that time (transient).
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.try_lock(kind, number) as taken:
                if taken:
                    yield
                    return
            time.sleep(0.1)
        raise ServiceUnavailable("Other work of the same kind has not ended in time.", "Run the job again.")

    @contextlib.contextmanager
    def own_connection(self) -> Iterator["psycopg2.extensions.connection"]:
        """Yield a connection of the driver itself, in autocommit mode; it is closed at the end of the block.

        Raises:
            ServiceUnavailable: zoomdb does not answer (transient).
        """
        try:
            pooled = self._locks.raw_connection()
        except (OperationalError, psycopg2.OperationalError) as error:
            raise unavailable() from error
        connection: psycopg2.extensions.connection = pooled.dbapi_connection  # type: ignore[assignment]
        pooled.detach()
        try:
            connection.set_session(autocommit=True)
            yield connection
        finally:
            connection.close()

    def connect(self, *, locks: int) -> None:
        """Open the connections that a run will need ahead of time.

        Args:
            locks: how many locks it will hold at the same time.

        Raises:
            ServiceUnavailable: zoomdb does not answer (transient).
        """
        try:
            with contextlib.ExitStack() as opened:
                for engine in (self._engine, *[self._locks] * locks):
                    opened.enter_context(engine.connect())
        except OperationalError as error:
            raise unavailable() from error

    def is_free(self, kind: int, number: int) -> bool:
        """Say whether nobody holds an advisory lock at this moment."""
        with self.try_lock(kind, number) as taken:
            return taken

    def migrate(self) -> None:
        """Bring the schema to the newest migration."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["url"] = self.url
        command.upgrade(config, "head")
        with self._engine.begin() as connection:
            # A new database lets in every login role of its server, including those of sites that share the server.
            connection.execute(text(_CLOSE))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
        self._locks.dispose()


def unavailable() -> ServiceUnavailable:
    """Return the error that says that zoomdb does not answer."""
    return ServiceUnavailable(
        "zoomdb, the platform's database, does not answer.",
        "Check that its PostgreSQL runs and that this server can reach it; `dz status` shows the local one.",
    )


def _sign(dialect: object, record: object, words: object, named: dict[str, Any]) -> None:
    """Have PostgreSQL show which process a connection, and thereby a lock, belongs to; a fork makes its own connections."""
    named.setdefault("application_name", f"dz {os.getpid()}")
