import pytest

from dz.errors import WrongServer
from dz.tasklib.appservers import instance
from dz.tasklib.proxies import hosts
from dz.zoomdb.models import Deployment, Release


def test_an_instance_is_found_by_release_and_server_with_all_that_its_steps_need(zoomdb, placed, bundle, tmp_path):
    with zoomdb.session() as session:
        project = session.get_one(Release, placed).project_id
    for name in ("zoo.example.org", "ark.example.org"):
        hosts.claim_host(zoomdb, project, name)
    found = instance.find(zoomdb, placed, "app-1", folder=tmp_path)
    with zoomdb.session() as session:
        row = session.query(Deployment).one()
        assert (found.deployment_id, found.port, found.address) == (row.id, row.port, "127.0.0.1")
    assert not found.hooks_done
    assert (found.hosts, found.host) == (("zoo.example.org", "ark.example.org"), "zoo.example.org")
    assert found.manifest == bundle[0]
    assert instance.release_of(zoomdb, found.deployment_id) == placed


def test_a_server_that_placement_did_not_choose_is_refused(zoomdb, placed, tmp_path):
    with pytest.raises(WrongServer, match=f"Release {placed} was not placed on app-2; nothing was done"):
        instance.find(zoomdb, placed, "app-2", folder=tmp_path)
