from dataclasses import replace

import pytest

from dz.errors import NoAppserver
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
