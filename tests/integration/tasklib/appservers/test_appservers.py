"""Real supervisord and gunicorn; as root the app instances run as a Unix user of their own."""

import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import uv

from dz.adapters import archive, interpreters
from dz.adapters.bundle_store import DirectoryBundleStore
from dz.adapters.supervisor import Supervisor
from dz.adapters.users import ensure_user
from dz.errors import CommandFailed, HealthCheckFailed
from dz.settings import PROJECT_ROOT
from dz.tasklib.appservers import boot, configure, health, install, reconcile, stop
from dz.tasklib.appservers.instance import AppInstance, find
from dz.tasklib.servers import heartbeats, placement
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import DeploymentState
from tests.conftest import make_release
from tests.manifests import MANIFEST, PLAN

SHIM = PROJECT_ROOT / "dz" / "shim"
APP = """import os, time
loaded_by = os.getpid()
mode = os.environ.get("MODE")
if mode == "crash":
    raise RuntimeError("no such table: sky")
def application(environ, start_response):
    if mode == "hang":
        time.sleep(60)
    start_response("500 Oops" if mode == "error" else "200 OK", [("Content-Type", "text/plain")])
    return [("%d %s %s" % (os.getuid(), loaded_by == os.getpid(), sorted(os.environ))).encode()]
"""


@pytest.fixture(scope="module")
def python():
    return interpreters.available()[0]


@pytest.fixture(scope="module")
def bundle(room, python):
    """A manifest and the store that holds its layers."""
    env, code = room / "made" / "env", room / "made" / "code"
    program = uv.find_uv_bin()
    subprocess.run([program, "venv", "-q", "-p", python.path, env], check=True)
    trusting = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as the installer does
    install = [program, "pip", "install", "-q", "-p", env / "bin" / "python", "gunicorn"]
    subprocess.run(install, env=trusting, check=True)
    (code / "dz").mkdir(parents=True)
    (code / "src").mkdir()
    shutil.copy(SHIM / "dz_run.py", code / "dz")
    (code / "dz" / "dz_wsgi.py").write_text(APP)
    plan = replace(PLAN, processes=1)
    (code / "dz" / "plan.json").write_text(json.dumps(plan.to_json()))
    store = DirectoryBundleStore(room / "store")
    layers = []
    for kind, folder in (("environment", env), ("code", code)):
        packed = room / f"{kind}.tar.zst"
        layer = archive.pack(
            folder, packed, kind=kind, skip=lambda path: path == "pyvenv.cfg" or path.startswith("bin/python")
        )
        store.put_layer(packed, layer)
        layers.append(layer)
    return replace(MANIFEST, python=python.minor, layers=tuple(layers), plan=plan), store


@dataclass
class Site:
    zoomdb: object
    supervisor: Supervisor
    instance: AppInstance
    user: str | None

    def boot(self, mode="fine", *, preload=True):
        plan = replace(self.instance.manifest.plan, preload=preload)
        instance = replace(self.instance, manifest=replace(self.instance.manifest, plan=plan))
        owner = ensure_user(self.user) if self.user else None
        configure.write_files(instance, {"MODE": mode}, owner=owner)
        boot.boot(instance, supervisor=self.supervisor, user=self.user)

    def check(self, deadline=20.0):
        health.check(self.zoomdb, self.instance, supervisor=self.supervisor, deadline=deadline)

    def stop(self):
        stop.stop(self.zoomdb, self.supervisor, self.instance.deployment_id, folder=self.instance.folder)

    def reconcile(self, restart):
        reconcile.reconcile(self.zoomdb, self.supervisor, "app-1", folder=self.instance.folder, restart=restart)

    def retire(self):
        with self.zoomdb.session() as session:
            session.get_one(Deployment, self.instance.deployment_id).state = DeploymentState.RETIRING

    @property
    def state(self):
        with self.zoomdb.session() as session:
            return session.get_one(Deployment, self.instance.deployment_id).state

    @property
    def name(self):
        return self.instance.program


@pytest.fixture
def site(zoomdb, supervisor, room, bundle, python, user):
    manifest, store = bundle
    load = heartbeats.Load(1, 1, 1, 0, 0)
    heartbeats.beat(zoomdb, "app-1", role="appserver", address="127.0.0.1", capacity=5, load=load)
    release = make_release(zoomdb, manifest)
    placement.place(zoomdb, release, port_range=(23000, 23900))
    instance = find(zoomdb, release, "app-1", folder=room / "server")
    install.install(instance, store=store, interpreters=[python])
    found = Site(zoomdb, supervisor, instance, user)
    yield found
    found.retire()
    found.stop()


def test_an_instance_serves_as_the_projects_user_and_stops_twice(site):
    site.boot()
    site.check()
    pid = site.supervisor.pid(site.name)
    site.boot()
    site.check()
    assert site.supervisor.pid(site.name) == pid
    assert site.state == DeploymentState.HEALTHY
    uid = ensure_user(site.user)[0] if site.user else os.getuid()
    assert psutil.Process(pid).uids().real == uid
    assert (site.instance.env_file.stat().st_mode & 0o777, site.instance.env_file.stat().st_uid) == (0o400, uid)
    assert set(psutil.Process(pid).environ()) <= {"PATH", "LANG", "LC_ALL", "HOME", "TMPDIR"}
    site.stop()
    assert site.state == DeploymentState.HEALTHY  # nobody has marked it
    site.retire()
    site.stop()
    site.stop()
    assert site.name not in site.supervisor.names()
    assert site.state == DeploymentState.STOPPED
    assert not site.instance.own.exists()


@pytest.mark.parametrize("preload", [True, False])
def test_the_project_is_loaded_once_or_by_each_worker(site, preload):
    site.boot(preload=preload)
    site.check()
    with urllib.request.urlopen(f"http://127.0.0.1:{site.instance.port}/", timeout=20) as answer:
        loaded_by_this_worker = answer.read().decode().split()[1]
    assert loaded_by_this_worker == str(not preload)


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


@pytest.mark.parametrize(
    ("mode", "said"), [("crash", "no such table: sky"), ("hang", "no answer"), ("error", "GET / answered 500")]
)
def test_a_sick_instance_is_reported_removed_and_its_port_freed(site, mode, said):
    site.boot(mode)
    with pytest.raises(HealthCheckFailed, match=said):
        site.check(40 if mode == "crash" else 4)
    assert site.state == DeploymentState.FAILED
    assert site.name not in site.supervisor.names()


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


def test_reconcile_removes_what_has_no_row_and_restarts_what_has_no_instance(site):
    site.boot()
    site.check()
    logs = site.instance.logs
    site.supervisor.add("app-999999", ["/bin/sleep", "60"], cwd=Path("/"), user=None, logs=logs)
    restarted = []
    site.reconcile(restarted.append)
    assert (reconcile.running(site.supervisor), restarted) == ({site.instance.deployment_id}, [])
    site.supervisor.remove(site.name)
    site.reconcile(restarted.append)
    assert restarted == [site.instance.deployment_id]


def test_values_cannot_add_lines_to_supervisords_configuration(supervisor):
    with pytest.raises(CommandFailed):
        supervisor.add("app-5", ["/bin/true\n[program:x]"], cwd=Path("/"), user=None, logs=supervisor.folder)
    assert "app-5" not in supervisor.names()
