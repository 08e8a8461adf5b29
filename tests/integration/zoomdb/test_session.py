"""Transactions and locks in a real PostgreSQL."""

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import insert, text

from dz.errors import ServiceUnavailable
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Project

ROW = {"name": "site", "title": "Site", "source_url": "https://example.org/site"}


def names(zoomdb: Zoomdb) -> list[str]:
    with zoomdb.session() as session:
        return [row.name for row in session.query(Project)]


def test_a_transaction_is_whole_or_nothing(zoomdb: Zoomdb) -> None:
    with contextlib.suppress(RuntimeError), zoomdb.session() as session:
        session.add(Project(**ROW))
        session.flush()
        raise RuntimeError
    assert names(zoomdb) == []
    with zoomdb.session() as session:
        session.add(Project(**ROW))
    assert names(zoomdb) == ["site"]


def test_one_statement_is_a_transaction_of_its_own(zoomdb: Zoomdb) -> None:
    with contextlib.suppress(RuntimeError), zoomdb.session():
        zoomdb.execute(insert(Project), ROW)
        raise RuntimeError
    assert names(zoomdb) == ["site"]


def test_a_lock_is_held_by_one_and_by_kind_and_number(zoomdb: Zoomdb) -> None:
    with zoomdb.try_lock(locks.HOOKS, 1) as taken:
        assert taken
        assert not zoomdb.is_free(locks.HOOKS, 1)
        assert zoomdb.is_free(locks.HOOKS, 2)
        assert zoomdb.is_free(locks.JOB, 1)
        with (
            pytest.raises(ServiceUnavailable, match="has not ended in time"),
            zoomdb.lock(locks.HOOKS, 1, seconds=0.3),
        ):
            pytest.fail("it is held")
    assert zoomdb.is_free(locks.HOOKS, 1)


def test_an_error_in_its_block_gives_a_lock_back(zoomdb: Zoomdb) -> None:
    with pytest.raises(RuntimeError), zoomdb.lock(locks.HOOKS, 1):
        raise RuntimeError
    assert zoomdb.is_free(locks.HOOKS, 1)


def _hold(url: str, key_file: str) -> None:
    with Zoomdb(url, Path(key_file)).lock(locks.HOOKS, 1):
        time.sleep(60)


def test_a_lock_dies_with_its_process(zoomdb: Zoomdb, key_file: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(zoomdb.url, str(key_file)))
    process.start()
    end = time.monotonic() + 30
    while zoomdb.is_free(locks.HOOKS, 1):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with zoomdb.lock(locks.HOOKS, 1, seconds=20):
        pass


def test_a_lock_whose_connection_broke_is_given_back_without_an_error(zoomdb: Zoomdb) -> None:
    with zoomdb.lock(locks.HOOKS, 1), zoomdb.session() as session:
        mine = text("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 1")
        assert session.execute(mine).all() == [(True,)]
    assert zoomdb.is_free(locks.HOOKS, 1)


def test_a_connection_of_ones_own_is_closed_at_the_end(zoomdb: Zoomdb) -> None:
    with zoomdb.own_connection() as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)
        assert connection.autocommit
    with pytest.raises(psycopg2.InterfaceError):
        connection.cursor()


def test_connections_are_opened_ahead_of_need(zoomdb: Zoomdb) -> None:
    zoomdb.connect(locks=2)
    assert zoomdb._engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    assert zoomdb._locks.pool.checkedin() == 2  # type: ignore[attr-defined]


def test_no_login_of_the_server_but_the_owner_may_connect(zoomdb: Zoomdb) -> None:
    # A database that is copied, as those of these tests are, is open again.
    zoomdb.migrate()
    with zoomdb.session() as session:
        assert not session.scalar(text("select has_database_privilege('public', current_database(), 'CONNECT')"))


def test_a_zoomdb_that_is_away_is_named_by_every_way_in(tmp_path: Path) -> None:
    away = Zoomdb("postgresql+psycopg2://nobody:secret@127.0.0.1:1/nothing", tmp_path / "key")
    ways = [
        away.session,
        lambda: away.try_lock(locks.HOOKS, 1),
        away.own_connection,
    ]
    for way in ways:
        message = "zoomdb, the platform's database, does not answer"
        with pytest.raises(ServiceUnavailable, match=message) as caught, way() as found:
            found.execute(text("select 1"))
        assert "secret" not in str(caught.value)
    for call in (lambda: away.execute(text("select 1"), {}), lambda: away.connect(locks=1)):
        with pytest.raises(ServiceUnavailable):
            call()
