"""The sites' database server: roles and databases of projects, closed to one another."""

import contextlib
import secrets
import time

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


def query(cluster, name, statement, database=None, *, transaction=True):
    values = {"host": cluster.host, "port": cluster.port, "user": name, "password": "word", "dbname": database or name}
    connection = psycopg2.connect(**values)
    connection.autocommit = not transaction
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


def test_what_a_site_makes_and_sets_in_its_database_does_not_reach_the_platform(server, cluster, name):
    server.ensure_role(name, "word", connections=3)
    server.ensure_database(name, owner=name)
    query(
        cluster,
        name,
        f"""
        create schema evil;
        create view evil.pg_extension as select 'x'::name as extname from pg_sleep(3600);
        create function evil.evil_in(name, name) returns boolean language sql as 'select pg_sleep(3600) is null';
        create operator evil.= (leftarg = name, rightarg = name, function = evil.evil_in);
        alter role {name} set search_path = evil, pg_catalog;
        alter role {name} set statement_timeout = 1;
        alter role {name} set client_encoding = 'EUC_JIS_2004';
        alter database {name} set search_path = evil, pg_catalog;
        alter database {name} set default_transaction_read_only = on
        """,  # noqa: S608 - a name of the test's own
    )
    before = time.monotonic()
    assert works(cluster, name, timeout=2)
    assert not works(cluster, name, timeout=2, extensions=["x"])
    assert not server.ensure_database(name, owner=name, extensions=["citext"])
    assert works(cluster, name, timeout=2, extensions=["citext"])
    assert time.monotonic() - before < 20


def test_the_platform_does_not_wait_long_for_a_database_that_a_site_has_locked(server, cluster, name):
    server.ensure_role(name, "word", connections=3)
    server.ensure_database(name, owner=name)
    with contextlib.closing(psycopg2.connect(cluster.url, dbname=name)) as holder, holder.cursor() as cursor:
        cursor.execute("lock pg_catalog.pg_extension")  # only a superuser can; any wait is the same to who asks
        before = time.monotonic()
        assert not works(cluster, name, timeout=1)
        assert time.monotonic() - before < 5


def test_a_role_from_before_gets_the_limit_that_it_lacks(server, cluster, name):
    server.ensure_role(name, "word", connections=3)
    server.ensure_database(name, owner=name)
    with contextlib.closing(psycopg2.connect(cluster.url)) as admin, admin, admin.cursor() as cursor:
        cursor.execute(f"alter role {name} reset all")
    assert server.limit_roles([name, "nobody_there"], temp_mb=9) == [name]
    assert query(cluster, name, "show temp_file_limit") == [("9MB",)]
    assert server.limit_roles([name]) == []


def test_a_role_has_limits_that_it_cannot_lift(server, cluster, name):
    server.ensure_role(name, "word", connections=3, temp_mb=7)
    server.ensure_database(name, owner=name)
    assert query(cluster, name, "show temp_file_limit") == [("7MB",)]
    for statement in ("set temp_file_limit = -1", f"alter role {name} reset temp_file_limit"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            query(cluster, name, statement)
    with pytest.raises(psycopg2.errors.ConfigurationLimitExceeded, match="temp_file_limit"):
        query(
            cluster,
            name,
            "set work_mem = '64kB'; select count(*) from (select random() from generate_series(1, 2000000) order by 1) x",
        )
    held = [psycopg2.connect(cluster.url, user=name, password="word", dbname=name) for _ in range(3)]
    try:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            query(cluster, name, "select 1")
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize("trap", ["is_template true", "allow_connections false"])
def test_a_site_cannot_close_its_database_to_the_platform(server, cluster, name, trap):
    other = f"{name}_other"
    for one in (name, other):
        server.ensure_role(one, "word", connections=3)
        server.ensure_database(one, owner=one)
    # The second is refused inside the database itself, so the site needs one of an accomplice.
    query(cluster, other, f"grant connect on database {other} to {name}")
    trap = f"alter database {name} {trap}"
    query(cluster, name, trap, database=other, transaction=False)
    assert not server.ensure_database(name, owner=name, extensions=["citext"])
    assert works(cluster, name)
    query(cluster, name, trap, database=other, transaction=False)
    server.drop(name)
    server.drop(other)


def test_a_site_cannot_keep_the_role_of_another_from_being_dropped(server, cluster, name):
    other = f"{name}_other"
    for one in (name, other):
        server.ensure_role(one, "word", connections=3)
        server.ensure_database(one, owner=one)
    try:
        query(
            cluster,
            name,
            f"create table bait (); grant select on bait to {other}; grant connect on database {name} to {other}",
        )
        server.drop(other)
        with server._admin() as cursor:
            cursor.execute("select 1 from pg_roles where rolname = %s", (other,))
            assert cursor.fetchone() is None
        query(cluster, name, "select * from bait")
    finally:
        server.drop(other)


def test_no_function_of_a_site_runs_in_the_script_of_an_untrusted_extension(server, cluster, name, monkeypatch):
    monkeypatch.setattr("dz.adapters.postgres.UNTRUSTED_ALLOWED", frozenset({"pageinspect", "dblink"}))
    server.ensure_role(name, "word", connections=3)
    assert server.ensure_database(name, owner=name, extensions=["dblink"])
    query(cluster, name, "create function lower(name) returns text language sql as 'select null::text'")
    assert not server.ensure_database(name, owner=name, extensions=["dblink", "citext"])
    with pytest.raises(StackProblem, match=r"pageinspect is not created in database .* function or operator 'lower'"):
        server.ensure_database(name, owner=name, extensions=["pageinspect"])
