"""What a server says of itself, in a real zoomdb."""

import datetime as dt
from pathlib import Path

from dz.tasklib.servers import heartbeats, servers
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Server

LOAD = heartbeats.Load(50, 40, 30, 1.5, 2)


def test_a_heartbeat_replaces_what_was_said_before_and_tells_the_load(zoomdb: Zoomdb) -> None:
    heartbeats.beat(zoomdb, "app-1", role="appserver", address="10.0.0.1", capacity=5, load=LOAD)
    other = heartbeats.Load(5, 4, 3, 0.5, 1)
    heartbeats.beat(
        zoomdb, "app-1", role="appserver", address="10.0.0.2", capacity=9, load=other, facts={"app_ports": [1, 2]}
    )
    (server,) = servers.listed(zoomdb)
    assert (server.address, server.capacity) == ("10.0.0.2", 9)
    assert (server.cpu_percent, server.memory_percent, server.disk_percent, server.load1) == (5, 4, 3, 0.5)
    with zoomdb.session() as session:
        row = session.query(Server).one()
        assert (row.facts, row.instances) == ({"app_ports": [1, 2]}, 1)


def test_to_register_is_no_sign_of_life_and_takes_none_away(zoomdb: Zoomdb) -> None:
    heartbeats.register(zoomdb, "app-1", role="appserver", address="10.0.0.1", capacity=5)
    assert servers.listed(zoomdb)[0].heartbeat is None
    heartbeats.beat(zoomdb, "app-1", role="appserver", address="10.0.0.1", capacity=5, load=LOAD)
    beaten = servers.listed(zoomdb)[0]
    assert beaten.heartbeat
    assert abs(dt.datetime.now(dt.UTC) - beaten.heartbeat) < dt.timedelta(seconds=30)
    heartbeats.register(zoomdb, "app-1", role="appserver", address="10.0.0.9", capacity=5)
    (again,) = servers.listed(zoomdb)
    assert (again.address, again.heartbeat, again.instances) == ("10.0.0.9", beaten.heartbeat, beaten.instances)


def test_this_machine_is_measured_in_percent(tmp_path: Path) -> None:
    found = heartbeats.measure(tmp_path, instances=3)
    for percent in (found.cpu_percent, found.memory_percent, found.disk_percent):
        assert 0 <= percent <= 100
    assert found.memory_percent > 0
    assert (found.load1 >= 0, found.instances) == (True, 3)
