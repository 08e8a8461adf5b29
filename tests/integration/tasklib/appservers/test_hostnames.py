"""The host names that app instances answer to."""

import json

from dz.tasklib.appservers import hostnames
from dz.tasklib.proxies import hosts


def test_every_instance_of_a_project_takes_up_a_new_name_and_only_then_is_its_file_written(site):
    there, project = site.instance, site.instance.project_id
    for name in ("shop.example.org", "www.example.org"):
        hosts.claim_host(site.zoomdb, project, name)
    hostnames.write(site.zoomdb, "app-1", folder=there.folder, local_names=["127.0.0.1"])
    assert not there.hosts_file.exists()  # no app instance was configured yet
    there.own.mkdir(parents=True)
    hostnames.write(site.zoomdb, "app-1", folder=there.folder, local_names=["127.0.0.1"])
    assert json.loads(there.hosts_file.read_text()) == ["shop.example.org", "www.example.org", "127.0.0.1"]
    before = there.hosts_file.stat()
    hostnames.write(site.zoomdb, "app-1", folder=there.folder, local_names=["127.0.0.1"])
    assert there.hosts_file.stat() == before
    hosts.release_host(site.zoomdb, project, "www.example.org")
    hostnames.write(site.zoomdb, "app-1", folder=there.folder, local_names=[])
    assert json.loads(there.hosts_file.read_text()) == ["shop.example.org"]


def test_the_appservers_of_a_project_are_those_that_run_it(site):
    assert hostnames.serving(site.zoomdb, site.instance.project_id) == ["app-1"]
    assert hostnames.serving(site.zoomdb, 99) == []
