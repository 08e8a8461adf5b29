import http.client
import http.server
import threading
import time

import pytest

from dz.adapters.walls import cgroups
from dz.errors import HealthCheckFailed, OutOfMemory
from dz.tasklib.appservers import configure, health
from dz.zoomdb.states import DeploymentState
from tests.integration.tasklib.appservers.conftest import GROUP

needs_groups = pytest.mark.skipif(not cgroups.trees(), reason="this process may make no control groups")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("crash", "(?s)^LookupError: no such table: sky.*The whole log: /"),
        ("hang", "no answer"),
        ("error", "answered 500"),
    ],
)
def test_a_sick_instance_is_reported_removed_and_its_port_freed(site, mode, said):
    site.boot(mode)
    with pytest.raises(HealthCheckFailed, match=said):
        site.check(40 if mode == "crash" else 4)
    assert site.state == DeploymentState.FAILED
    assert site.name not in site.supervisor.names()


@needs_groups
def test_an_instance_that_needs_more_memory_than_it_may_use_is_reported_as_such(site):
    site.boot("hog")
    with pytest.raises(OutOfMemory, match=r"^A process of the site needed more than the 200 MiB of memory") as caught:
        site.check(40)
    assert "memory_mb" in caught.value.remedy
    assert site.state == DeploymentState.FAILED


@needs_groups
def test_a_site_whose_worker_was_ended_for_its_memory_finds_that_in_its_log(site):
    site.boot()
    site.check()
    with pytest.raises(http.client.RemoteDisconnected):
        site.get("hog")
    said = "DjangoZoom: OutOfMemory: A process of the site needed more than the 200 MiB of memory that it may use"
    assert any(time.sleep(0.1) or said in site.instance.log.read_text() for _ in range(80))
    site.retire()
    site.stop()
    assert not [tree for tree in cgroups.trees() if (tree.folder / GROUP).exists()]


def test_a_site_that_answers_500_is_not_asked_for_another_minute(site):
    began = time.monotonic()
    site.boot("error")
    with pytest.raises(HealthCheckFailed, match="is not healthy: GET / answers 500"):
        site.check(120)
    assert time.monotonic() - began < 60


def test_a_site_that_warms_up_or_waits_for_its_database_is_given_time(site):
    site.boot("warming")
    site.check(60)
    assert site.state == DeploymentState.HEALTHY


def test_another_program_at_the_port_does_not_pass_for_the_instance(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", site.instance.port), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        site.boot()
        with pytest.raises(HealthCheckFailed, match="another program listens"):
            site.check(4)
    finally:
        server.shutdown()
        server.server_close()


def test_the_values_of_its_variables_are_not_in_the_report(site):
    site.boot("crash")
    secrets = {"MODE": "crash", "SKY_TABLE": "no such table: sky"}
    configure.write_files(site.instance, secrets, owner=site.owner)
    with pytest.raises(HealthCheckFailed, match=r"\[hidden\]") as caught:
        site.check(40)
    assert "no such table" not in str(caught.value)


def test_only_an_instance_that_was_starting_becomes_healthy(site):
    site.boot()
    site.check()
    site.retire()
    site.check()
    assert site.state == DeploymentState.RETIRING


def test_the_last_lines_of_a_log_are_told_whatever_its_size(tmp_path):
    log = tmp_path / "app.log"
    assert health.last_lines(log) == "(nothing was written)"
    log.write_bytes(b"\xff\n" + b"".join(b"line %d\n" % number for number in range(10_000)))
    assert health.last_lines(log, 2) == "line 9998\nline 9999"
    assert len(health.last_lines(log).splitlines()) == 20
