from dataclasses import replace

import pytest
from sqlalchemy import text

from dz.errors import NoAppserver, ServiceUnavailable
from dz.tasklib.servers import heartbeats, placement
from dz.tasklib.servers.heartbeats import Load
from dz.zoomdb.models import Deployment, Release
from dz.zoomdb.states import DeploymentState
from tests.conftest import make_release
from tests.manifests import MANIFEST, PLAN


@pytest.fixture
def release(zoomdb):
    return make_release(zoomdb, replace(MANIFEST, plan=replace(PLAN, instances=2)))


def beat(zoomdb, name, cpu=1.0):
    load = Load(cpu, 10, 10, 0.1, 0)
    heartbeats.beat(zoomdb, name, role="appserver", address="127.0.0.1", capacity=5, load=load)


def test_a_release_is_spread_and_a_repeat_keeps_servers_and_ports(zoomdb, release):
    for name, cpu in (("app-1", 90.0), ("app-2", 5.0), ("app-3", 6.0)):
        beat(zoomdb, name, cpu)
    first = placement.place(zoomdb, release, port_range=(21000, 21010))
    beat(zoomdb, "app-1", 0.0)
    assert {placed.server for placed in first} == {"app-2", "app-3"}
    assert set(placement.place(zoomdb, release, port_range=(21000, 21010))) == set(first)


def test_a_failed_row_is_used_again_and_a_reserved_port_is_not_given_twice(zoomdb, release):
    beat(zoomdb, "app-1")
    [first] = placement.place(zoomdb, release, port_range=(21000, 21000))
    with zoomdb.session() as session:
        session.get_one(Deployment, first.deployment_id).state = DeploymentState.FAILED
    [again] = placement.place(zoomdb, release, port_range=(21000, 21000))
    assert again == first
    with zoomdb.session() as session:
        old = session.get_one(Release, release)
        other = Release(project_id=old.project_id, number=2, bundle_id=old.bundle_id, environment=b"")
        session.add(other)
        session.flush()
        other_id = other.id
    with pytest.raises(NoAppserver, match="ports 21000 to 21000 of app-1"):
        placement.place(zoomdb, other_id, port_range=(21000, 21000))


def test_a_server_that_never_sent_a_heartbeat_is_refused_by_name(zoomdb, release):
    heartbeats.register(zoomdb, "app-9", role="appserver", address="127.0.0.1", capacity=5)
    with pytest.raises(NoAppserver, match="app-9: no heartbeat"):
        placement.place(zoomdb, release, port_range=(21000, 21010))


def test_a_silent_servers_place_is_taken_by_another_one(zoomdb, release):
    for name in ("app-1", "app-2"):
        beat(zoomdb, name)
    first = placement.place(zoomdb, release, port_range=(21000, 21010))
    beat(zoomdb, "app-3")
    with zoomdb.session() as session:
        session.execute(text("update server set heartbeat = now() - interval '1 minute' where name = 'app-1'"))
    second = placement.place(zoomdb, release, port_range=(21000, 21010))
    assert {placed.server for placed in second} == {"app-2", "app-3"}
    assert {placed for placed in first if placed.server == "app-2"} <= set(second)


def test_one_appserver_is_enough_where_there_are_not_as_many_as_wanted(zoomdb, release):
    beat(zoomdb, "app-1")
    assert [placed.server for placed in placement.place(zoomdb, release, port_range=(21000, 21010))] == ["app-1"]
    assert placement.likely(zoomdb, instances=2) == ["app-1"]


def test_a_server_that_takes_this_very_version_down_is_asked_again_later(zoomdb, release):
    beat(zoomdb, "app-1")
    [first] = placement.place(zoomdb, release, port_range=(21000, 21010))
    with zoomdb.session() as session:
        session.get_one(Deployment, first.deployment_id).state = DeploymentState.RETIRING
    with pytest.raises(ServiceUnavailable, match="app-1 is just taking this version down"):
        placement.place(zoomdb, release, port_range=(21000, 21010))


def test_a_port_is_one_of_those_that_the_server_itself_names(zoomdb, release):
    load = Load(1, 1, 1, 0.1, 0)
    values = {"role": "appserver", "address": "127.0.0.1", "capacity": 5, "load": load}
    heartbeats.beat(zoomdb, "app-1", facts={"app_ports": [25000, 25001]}, **values)
    [placed] = placement.place(zoomdb, release, port_range=(21000, 21010))
    assert placed.port in (25000, 25001)
    assert not placed.warm


def test_whether_there_is_room_can_be_asked_before_a_build(zoomdb):
    with pytest.raises(NoAppserver, match="None is registered"):
        placement.refuse_full(zoomdb)
    assert placement.likely(zoomdb, instances=1) == []
    beat(zoomdb, "app-1")
    placement.refuse_full(zoomdb)
