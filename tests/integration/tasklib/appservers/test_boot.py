import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dz.adapters.supervisor import Supervisor
from dz.tasklib.appservers import boot, stop
from dz.zoomdb.states import DeploymentState
from tests.supervisors import running_supervisor


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


BIND = """import os, socket, sys, time
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
while True:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", int(sys.argv[1])))
        print("taken", flush=True)
    except OSError:
        pass
    one.close()
    time.sleep(0.001)
"""


@pytest.mark.parametrize("who", ["gunicorn", "bubblewrap", "launcher", "supervisord's restart"])
def test_no_visitor_is_refused_while_an_instance_dies_and_returns_and_nobody_takes_its_port(site, who):
    site.boot()
    site.check()
    launcher = psutil.Process(site.supervisor.pid(site.name))
    refused, answered = [], []

    def visit():
        try:
            answered.append(site.get())
        except (ConnectionResetError, http.client.RemoteDisconnected):
            answered.append("cut off")  # who was inside when it died
        except OSError as error:
            refused.append(error)

    with subprocess.Popen([sys.executable, "-c", BIND, str(site.instance.port)], stdout=subprocess.PIPE) as thief:
        visitors = [threading.Thread(target=visit) for _ in range(40)]
        for number, visitor in enumerate(visitors):
            visitor.start()
            time.sleep(0.03)
            if number == 10:
                end(site, launcher, who)
        for visitor in visitors:
            visitor.join()
        thief.kill()
        assert thief.stdout.read() == b""
    assert (refused, len(answered)) == ([], 40)
    assert answered.count("cut off") <= 2


def end(site, launcher, who):
    inner = launcher.children()[0]
    if who == "gunicorn":
        next(one for one in inner.children(recursive=True) if "gunicorn" in " ".join(one.cmdline())).kill()
    elif who == "supervisord's restart":
        site.supervisor.signal(site.name, signal.SIGTERM)
    else:
        (inner if who == "bubblewrap" else launcher).kill()


def test_an_instance_that_is_told_to_end_finishes_what_it_was_asked(site):
    site.boot("slow")
    site.check()
    with socket.create_connection(("127.0.0.1", site.instance.port), 20) as visitor:
        visitor.sendall(b"GET / HTTP/1.0\r\n\r\n")
        time.sleep(0.2)
        site.retire()
        site.stop()
        assert visitor.recv(12).endswith(b" 200")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.instance.port), 5)


def test_when_a_supervisord_is_killed_its_instances_go_on_under_the_next_one(site):
    folder = Path(tempfile.mkdtemp(prefix="dzs", dir="/tmp"))
    own = Supervisor(folder / "v", folder / "s")
    site = replace(site, supervisor=own)
    first = running_supervisor(own)
    second = None
    try:
        site.boot()
        site.check()
        before = psutil.Process(first.pid).children(recursive=True)
        first.kill()
        first.wait()
        second = running_supervisor(own)
        assert site.get()
        _, old = psutil.wait_procs(before, timeout=20)
        assert old == []
        site.check()
        pid = own.pid(site.name)
        assert site.get()
        time.sleep(3)  # one that fought for its port would have ended by now
        assert own.pid(site.name) == pid
    finally:
        stop.take_down(own, site.instance.deployment_id, folder=site.instance.folder)
        (second or first).terminate()
        (second or first).wait(30)
        shutil.rmtree(folder)


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
