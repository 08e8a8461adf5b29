"""Who is registered and alive, by the clock of a real zoomdb."""

import pytest
from sqlalchemy import text

from dz.errors import NoAppserver, NoServerOfRole, ServerLost
from dz.tasklib.jobs import failures
from dz.tasklib.servers import heartbeats, servers
from dz.zoomdb import Zoomdb

LOAD = heartbeats.Load(50, 40, 30, 1.5, 2)


def beat(zoomdb: Zoomdb, name: str, role: str, *, seconds_ago: int = 0) -> None:
    heartbeats.beat(zoomdb, name, role=role, address="10.0.0.1", capacity=5, load=LOAD)
    with zoomdb.session() as session:
        statement = text("update server set heartbeat = heartbeat - :ago * interval '1 second' where name = :name")
        session.execute(statement, {"ago": seconds_ago, "name": name})


def test_a_server_is_alive_while_its_heartbeat_is_younger_than_half_a_minute(zoomdb: Zoomdb) -> None:
    beat(zoomdb, "build-2", "build", seconds_ago=servers.SILENT_AFTER + 1)
    beat(zoomdb, "build-1", "build", seconds_ago=servers.SILENT_AFTER - 5)
    beat(zoomdb, "app-1", "appserver")
    heartbeats.register(zoomdb, "build-3", role="build", address="10.0.0.3", capacity=1)
    assert [(server.name, server.alive) for server in servers.listed(zoomdb)] == [
        ("app-1", True),
        ("build-1", True),
        ("build-2", False),
        ("build-3", False),
    ]
    assert [server.name for server in servers.listed(zoomdb, role="build", alive_only=True)] == ["build-1"]


def test_a_server_that_the_operator_has_switched_off_is_not_listed(zoomdb: Zoomdb) -> None:
    beat(zoomdb, "app-1", "appserver")
    with zoomdb.session() as session:
        session.execute(text("update server set enabled = false"))
    beat(zoomdb, "app-1", "appserver")  # which switches nothing on
    assert servers.listed(zoomdb) == []


def test_work_for_nobody_is_refused_before_it_is_queued(zoomdb: Zoomdb) -> None:
    beat(zoomdb, "app-1", "appserver")
    beat(zoomdb, "app-2", "appserver", seconds_ago=60)
    servers.refuse_silent_role(zoomdb, "appserver")
    servers.refuse_silent_role(zoomdb, "appserver", "app-1")
    with pytest.raises(NoServerOfRole, match="app-2 is not alive"):
        servers.refuse_silent_role(zoomdb, "appserver", "app-2")
    with pytest.raises(NoServerOfRole, match="No server of the role 'proxy' is alive"):
        servers.refuse_silent_role(zoomdb, "proxy")


def test_a_subflow_that_failed_raises_its_own_error_here(zoomdb: Zoomdb) -> None:
    with pytest.raises(NoAppserver), failures.reported_to_parent(zoomdb, "run-1"):
        raise NoAppserver("All are full.", "Start another one.")
    error = servers.error_of_child(zoomdb, "run-1", where="app-1", state="Failed")
    assert (type(error), error.found) == (NoAppserver, "All are full.")
    silent = servers.error_of_child(zoomdb, "run-2", where="app-1", state="Crashed")
    assert isinstance(silent, ServerLost)
    assert silent.found == "Work sent to app-1 ended as Crashed without saying why."
