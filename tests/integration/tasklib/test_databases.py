"""A project's database on a real PostgreSQL that logs every statement."""

from urllib.parse import unquote, urlsplit

import psycopg2
import pytest
from sqlalchemy import delete, select

from dz.adapters.postgres import PostgresServer
from dz.errors import StackProblem, UnsupportedDatabase, WrongServer
from dz.tasklib import databases
from dz.tasklib.databases import Credentials, DatabaseResult
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Database, Project, Server
from tests.conftest import Cluster, free_port


@pytest.fixture
def server(postgres_url):
    """The sites' database server."""
    return PostgresServer(postgres_url)


@pytest.fixture
def project(zoomdb: Zoomdb, server, request):
    with zoomdb.session() as session:
        session.add(Server(name="database-1", role="database", address="127.0.0.1"))
        row = Project(name="polls", title="Polls", source_url="https://example.org/polls")
        session.add(row)
        session.flush()
        number = row.id
    yield number
    server.drop(f"t{number}_p{number:08d}")
    server.drop(f"p{number:08d}")


@pytest.fixture
def ensure(zoomdb, server, cluster):
    def ensure(project: int, **more) -> DatabaseResult:
        values = {"server": server, "server_name": "database-1", "host": cluster.host, "port": cluster.port}
        return databases.ensure_database(zoomdb, project, **{**values, **more})

    return ensure


def connect(known: Credentials, **other):
    values = {
        "host": known.host,
        "port": known.port,
        "dbname": known.name,
        "user": known.user,
        "password": known.password,
    }
    return psycopg2.connect(**{**values, **other})


def test_a_project_gets_a_database_that_it_owns(ensure, zoomdb, project):
    assert ensure(project).created
    known = databases.credentials(zoomdb, project)
    with connect(known) as connection, connection.cursor() as cursor:
        cursor.execute("create table note (id serial primary key, body text)")
        cursor.execute(
            "select rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolconnlimit from pg_roles "
            "where rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False, 20)
    connection.close()


def test_a_repeat_changes_nothing_and_keeps_the_password(ensure, zoomdb, project):
    ensure(project)
    before = databases.credentials(zoomdb, project)
    assert not ensure(project).created
    assert databases.credentials(zoomdb, project) == before


def test_the_password_reaches_no_log_and_no_repr(ensure, zoomdb, project, cluster: Cluster):
    ensure(project)
    known = databases.credentials(zoomdb, project)
    log = cluster.log.read_text(errors="replace")
    assert "SCRAM-SHA-256$" in log
    assert known.password not in log
    assert known.password not in repr(known)
    with zoomdb.session() as session:
        assert known.password.encode() not in session.scalars(select(Database.password)).one()


@pytest.mark.parametrize("database", ["postgres", "template1", "other"])
def test_a_project_cannot_connect_elsewhere(ensure, zoomdb, server, project, database):
    ensure(project)
    if database == "other":
        with zoomdb.session() as session:
            other = Project(name="blog", title="Blog", source_url="https://example.org/blog")
            session.add(other)
            session.flush()
            number = other.id
        ensure(number)
        database = databases.credentials(zoomdb, number).name
    try:
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            connect(databases.credentials(zoomdb, project), dbname=database)
    finally:
        if database.startswith("p0"):
            server.drop(database)


def test_a_login_whose_row_is_lost_gets_a_new_password(ensure, zoomdb, project):
    ensure(project)
    before = databases.credentials(zoomdb, project)
    with zoomdb.session() as session:
        session.execute(delete(Database))
    assert not ensure(project).created
    after = databases.credentials(zoomdb, project)
    assert after.password != before.password
    connect(after).close()


@pytest.mark.parametrize("step", ["check_version", "ensure_role", "_create", "close_to_public", "_give_schema"])
def test_a_kill_at_any_step_is_repaired_by_a_repeat(*, ensure, zoomdb, server, project, monkeypatch, step):
    original = getattr(PostgresServer, step)
    for after in (False, True):

        def killed(*args, after=after, **kwargs):
            if after:
                original(*args, **kwargs)
            raise SystemExit(9)

        with monkeypatch.context() as patch:
            patch.setattr(PostgresServer, step, killed)
            with pytest.raises(SystemExit):
                ensure(project)
        ensure(project)
        known = databases.credentials(zoomdb, project)
        connect(known).close()
        with pytest.raises(psycopg2.OperationalError, match="permission denied"):
            connect(known, dbname="postgres")
        assert databases.drop_database(zoomdb, project, server=server, server_name="database-1")


def test_a_changed_password_is_set_back_to_the_stored_one(ensure, zoomdb, server, project):
    ensure(project)
    known = databases.credentials(zoomdb, project)
    server.ensure_role(known.user, "another", connections=20)
    ensure(project)
    connect(known).close()


def test_only_a_database_that_is_as_asked_for_spares_the_way_to_its_server(ensure, zoomdb, server, project):
    def works(*extensions: str) -> bool:
        return databases.works(zoomdb, project, extensions=extensions)

    assert not works()
    ensure(project)
    assert works()
    assert not works("citext")
    ensure(project, extensions=["citext"])
    assert works("citext")
    known = databases.credentials(zoomdb, project)
    server.ensure_role(known.user, "another", connections=20)
    assert not works()
    ensure(project)
    assert works()
    server.drop(known.name)
    assert not works()


def test_extensions_asked_for_are_created_and_a_missing_one_changes_nothing(ensure, zoomdb, project):
    with pytest.raises(UnsupportedDatabase, match="postgis"):
        ensure(project, extensions=databases.extensions_of("postgresql-gis"))
    with zoomdb.session() as session:
        assert session.scalars(select(Database)).all() == []
    ensure(project, extensions=("pg_trgm", "hstore"))
    with connect(databases.credentials(zoomdb, project)) as connection, connection.cursor() as cursor:
        cursor.execute("select similarity('abc', 'abc')")
        assert cursor.fetchone() == (1.0,)
    connection.close()


def test_an_extension_that_reaches_beyond_the_database_is_refused(ensure, server, project):
    untrusted = [name for name, trusted in server.extensions().items() if not trusted]
    dangerous = next(name for name in untrusted if name not in {"vector", "postgis"})
    with pytest.raises(UnsupportedDatabase):
        ensure(project, extensions=(dangerous,))


def test_one_connection_too_many_is_refused(ensure, zoomdb, project):
    ensure(project, connections=2)
    known = databases.credentials(zoomdb, project)
    open_ones = [connect(known), connect(known)]
    try:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            connect(known)
    finally:
        for connection in open_ones:
            connection.close()


def test_a_prefix_names_database_and_user(ensure, zoomdb, project):
    ensure(project, prefix=f"t{project}_")
    known = databases.credentials(zoomdb, project)
    assert known.name == known.user == f"t{project}_p{project:08d}"


def test_a_database_on_a_dead_other_server_is_left_alone(ensure, zoomdb, project):
    ensure(project)
    with zoomdb.session() as session:
        session.add(Server(name="database-2", role="database", address="127.0.0.1"))
    assert not ensure(project, server_name="database-2").created
    with zoomdb.session() as session:
        session.scalars(select(Database)).one().port = free_port()
    with pytest.raises(WrongServer, match="database-1"):
        ensure(project, server_name="database-2")


def test_drop_ends_connections_and_forgets(ensure, zoomdb, server, project):
    ensure(project)
    known = databases.credentials(zoomdb, project)
    connection = connect(known)
    assert databases.drop_database(zoomdb, project, server=server, server_name="database-1")
    assert not databases.drop_database(zoomdb, project, server=server, server_name="database-1")
    with pytest.raises(psycopg2.OperationalError):
        connect(known)
    connection.close()


def test_a_project_without_a_database_is_told_to_be_deployed(zoomdb, project):
    with pytest.raises(StackProblem, match=f"Project p{project:08d} has no database yet"):
        databases.credentials(zoomdb, project)


def test_a_password_of_any_characters_stands_in_a_url():
    known = Credentials("n", "u", "a/b:c@d e?#%", "db.example.org", 5433, "database-1")
    assert known.url == "postgres://u:a%2Fb%3Ac%40d%20e%3F%23%25@db.example.org:5433/n"
    assert unquote(str(urlsplit(known.url).password)) == known.password
