import time

import psutil
import pytest

from dz.tasklib.appservers import boot
from dz.zoomdb.states import DeploymentState


def test_an_instance_serves_as_the_projects_user_and_is_started_once(site):
    site.boot()
    site.check()
    pid = site.supervisor.pid(site.name)
    site.boot()
    site.check()
    assert site.supervisor.pid(site.name) == pid
    assert site.state == DeploymentState.HEALTHY
    assert psutil.Process(pid).uids().real == site.uid == site.get()[0]


def test_nothing_of_this_processs_environment_reaches_an_instance(site, monkeypatch):
    monkeypatch.setenv("PLATFORM_PASSWORD", "x")
    site.boot()
    site.check()
    found = psutil.Process(site.supervisor.pid(site.name)).environ()
    assert set(found) <= {"PATH", "LANG", "LC_ALL", "HOME", "TMPDIR"}
    assert found["HOME"] == str(site.instance.home)


@pytest.mark.parametrize("preload", [True, False])
def test_the_project_is_loaded_once_or_by_each_worker(site, preload):
    site.boot(preload=preload)
    site.check()
    assert site.get()[1] is not preload


def test_an_instance_whose_master_is_killed_listens_again_at_once(site):
    site.boot()
    site.check()
    master = psutil.Process(site.supervisor.pid(site.name))
    workers = master.children()
    assert workers
    master.kill()
    _, orphans = psutil.wait_procs(workers, timeout=5)
    assert orphans == []
    site.check(10)
    assert site.supervisor.pid(site.name) != master.pid


def test_an_instance_that_is_loaded_once_is_held_until_its_hooks_have_run(site):
    site.boot(loads_once=True)
    assert site.instance.hold.is_dir()
    assert site.instance.logs.stat().st_mode & 0o077 == 0  # a site may print its secrets


def test_every_worker_process_has_answered_once_when_it_is_warm(site):
    site.boot("slow", processes=2)
    boot.warm_up(site.instance, supervisor=site.supervisor, timeout=20)
    answered = (site.instance.home / "answered").read_text().split()
    assert len(set(answered)) == 2


def test_warming_up_a_sick_instance_is_no_error_and_ends_in_time(site):
    site.boot("error")
    began = time.monotonic()
    boot.warm_up(site.instance, supervisor=site.supervisor, timeout=2)
    assert time.monotonic() - began < 10
    assert site.state == DeploymentState.STARTING  # whether it is healthy is not said here
