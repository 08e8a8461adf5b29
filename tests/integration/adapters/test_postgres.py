"""The sites' database server: roles and databases of projects, closed to one another."""

import secrets

import psycopg2
import pytest
from psycopg2 import sql

from dz.adapters.postgres import PostgresServer, database_works
from dz.errors import ServiceUnavailable, StackProblem, UnsupportedDatabase
from tests.conftest import free_port


@pytest.fixture
def server(postgres_url):
    """The sites' database server."""
    return PostgresServer(postgres_url)


@pytest.fixture
def name(server):
    name = f"p{secrets.token_hex(4)}"
    yield name
    server.drop(name)


@pytest.fixture
def managed(server, cluster):
    """The server as seen by an administrator who is no superuser, as managed servers have them."""
    name = f"boss_{secrets.token_hex(4)}"
    server.ensure_role(name, "boss", connections=10)
    with server._admin() as cursor:
        cursor.execute(sql.SQL("alter role {} createdb createrole inherit").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("grant connect on database postgres to {}").format(sql.Identifier(name)))
    yield PostgresServer(f"postgresql://{name}:boss@{cluster.host}:{cluster.port}/postgres")
    with server._admin() as cursor:
        cursor.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def works(cluster, name, **more):
    return database_works(**{"host": cluster.host, "port": cluster.port, "name": name, "password": "word", **more})


def query(cluster, name, statement, database=None):
    values = {"host": cluster.host, "port": cluster.port, "user": name, "password": "word", "dbname": database or name}
    connection = psycopg2.connect(**values)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_a_role_and_its_database_are_made_once(server, cluster, name):
    for first in (True, False):
        server.ensure_role(name, "word", connections=3)
        assert server.ensure_database(name, owner=name) is first
    assert query(cluster, name, "show server_encoding") == [("UTF8",)]
    assert works(cluster, name)
    assert not works(cluster, name, password="another")
    assert not works(cluster, name, extensions=["citext"])
    server.ensure_database(name, owner=name, extensions=["citext"])
    assert works(cluster, name, extensions=["citext"])


def test_an_administrator_who_is_no_superuser_does_the_same(managed, server, cluster, name):
    managed.ensure_role(name, "word", connections=3)
    for first in (True, False):
        assert managed.ensure_database(name, owner=name, extensions=["citext"]) is first
    query(cluster, name, "create table note (body citext)")
    rights = "select rolsuper, rolcreatedb, rolcreaterole, rolconnlimit from pg_roles where rolname = current_user"
    assert query(cluster, name, rights) == [(False, False, False, 3)]
    managed.drop(name)
    assert not works(cluster, name)


def test_databases_are_closed_to_all_but_their_owner(server, cluster, name):
    server.ensure_role(name, "word", connections=3)
    server.ensure_database(name, owner=name)
    for other in ("postgres", "template1"):
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            query(cluster, name, "select 1", database=other)


def test_what_is_gone_is_dropped_without_complaint(server, name):
    for _ in range(2):
        server.drop(name)


def test_an_extension_that_is_not_offered_is_named_with_those_that_are(server, name):
    server.ensure_role(name, "word", connections=3)
    with pytest.raises(UnsupportedDatabase, match=r"does not offer: nothing_like_it\.(?s:.)*citext"):
        server.ensure_database(name, owner=name, extensions=["citext", "nothing_like_it"])
    with server._admin() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", (name,))
        assert cursor.fetchone() is None


def test_no_name_is_read_as_sql(server, cluster):
    odd = 'p"; drop table x; --'
    try:
        server.ensure_role(odd, "word", connections=3)
        server.ensure_database(odd, owner=odd)
        assert query(cluster, odd, "select current_user") == [(odd,)]
    finally:
        server.drop(odd)


def test_a_refused_change_is_the_operators_problem(cluster, server, name):
    server.ensure_role(name, "word", connections=3)
    server.ensure_database(name, owner=name)
    powerless = PostgresServer(f"postgresql://{name}:word@{cluster.host}:{cluster.port}/{name}")
    with pytest.raises(StackProblem, match="refused a change: permission denied"):
        powerless.ensure_role("p99999999", "word", connections=3)


def test_a_server_that_is_down_is_named():
    down = PostgresServer(f"postgresql://admin:secret@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(ServiceUnavailable) as caught:
        down.check_version()
    assert "secret" not in str(caught.value)


def test_an_old_server_is_refused(server, monkeypatch):
    monkeypatch.setattr("dz.adapters.postgres.FIXED_MINORS", {18: 189999})
    with pytest.raises(StackProblem, match="CVE-2026-2005"):
        server.check_version()
