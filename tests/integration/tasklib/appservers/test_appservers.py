"""Real supervisord and gunicorn; as root the app instances run as a Unix user of their own."""

import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.request
from dataclasses import dataclass
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
from dz.tasklib.appservers import appservers, instances
from dz.tasklib.servers import heartbeats, placement
from dz.zoomdb.models import Bundle, Deployment, Project, Release
from dz.zoomdb.states import DeploymentState

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
    plan = {"project_root": ".", "additional_python_path_dirs": [], "django_settings_module": "s"}
    plan |= {"database_type": "postgresql", "use_asgi": False, "instances": 1}
    (code / "dz" / "plan.json").write_text(json.dumps(plan))
    store = DirectoryBundleStore(room / "store")
    layers = []
    for kind, folder in (("environment", env), ("code", code)):
        packed = room / f"{kind}.tar.zst"
        layer = archive.pack(
            folder, packed, kind=kind, skip=lambda path: path == "pyvenv.cfg" or path.startswith("bin/python")
        )
        store.put_layer(packed, layer)
        layers.append(layer.to_json())
    return {"sysid": "p00000001", "name": "one", "python": python.minor, "layers": layers, "plan": plan}, store


@dataclass
class Site:
    zoomdb: object
    supervisor: Supervisor
    room: Path
    deployment: int
    port: int
    installed: instances.Installed
    user: str | None

    def boot(self, mode="fine", *, preload=True):
        owner = ensure_user(self.user) if self.user else None
        made = instances.write_instance(
            self.deployment, folder=self.room / "server", sysid="p00000001", environment={"MODE": mode},
            address="127.0.0.1", port=self.port, processes=1, preload=preload, owner=owner,
        )  # fmt: skip
        appservers.boot(
            self.supervisor, self.deployment, installed=self.installed, instance=made, user=self.user,
            logs=self.room / "logs",
        )  # fmt: skip
        return made

    def check(self, deadline=20.0):
        appservers.check(
            self.zoomdb, self.supervisor, self.deployment, folder=self.room / "server", address="127.0.0.1",
            host="site.example.org", path="/", deadline=deadline, logs=self.room / "logs",
        )  # fmt: skip

    def stop(self):
        appservers.stop(self.zoomdb, self.supervisor, self.deployment, folder=self.room / "server")

    def retire(self):
        with self.zoomdb.session() as session:
            session.get_one(Deployment, self.deployment).state = DeploymentState.RETIRING

    @property
    def state(self):
        with self.zoomdb.session() as session:
            return session.get_one(Deployment, self.deployment).state

    @property
    def name(self):
        return appservers.program_name(self.deployment)


@pytest.fixture
def site(zoomdb, supervisor, room, bundle, python, user):
    manifest, store = bundle
    load = heartbeats.measure(room, 0)
    load = heartbeats.Load(1, 1, 1, 0, load.instances)
    heartbeats.beat(zoomdb, "app-1", role="appserver", address="127.0.0.1", capacity=5, load=load)
    with zoomdb.session() as session:
        project = Project(name="site", title="", source_url="")
        session.add(project)
        session.flush()
        row = Bundle(project_id=project.id, name="one", commit="0" * 40, manifest=manifest)
        session.add(row)
        session.flush()
        release = Release(project_id=project.id, number=1, bundle_id=row.id, environment=b"")
        session.add(release)
        session.flush()
        release_id = release.id
    [placed] = placement.place(zoomdb, release_id, port_range=(23000, 23900))
    installed = instances.install(manifest, folder=room / "server", store=store, interpreters=[python])
    found = Site(zoomdb, supervisor, room, placed.deployment_id, placed.port, installed, user)
    yield found
    found.retire()
    found.stop()


def test_an_instance_serves_as_the_projects_user_and_stops_twice(site):
    site.boot()
    site.check()
    pid = site.supervisor.pid(site.name)
    made = site.boot()
    site.check()
    assert site.supervisor.pid(site.name) == pid
    assert site.state == DeploymentState.HEALTHY
    uid = ensure_user(site.user)[0] if site.user else os.getuid()
    assert psutil.Process(pid).uids().real == uid
    assert (made.env_file.stat().st_mode & 0o777, made.env_file.stat().st_uid) == (0o400, uid)
    assert set(psutil.Process(pid).environ()) <= {"PATH", "LANG", "LC_ALL", "HOME", "TMPDIR"}
    site.stop()
    assert site.state == DeploymentState.HEALTHY  # nobody has marked it
    site.retire()
    site.stop()
    site.stop()
    assert site.name not in site.supervisor.names()
    assert site.state == DeploymentState.STOPPED
    assert not made.folder.exists()


@pytest.mark.parametrize("preload", [True, False])
def test_the_project_is_loaded_once_or_by_each_worker(site, preload):
    site.boot(preload=preload)
    site.check()
    with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/", timeout=20) as answer:
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
    server = http.server.ThreadingHTTPServer(("127.0.0.1", site.port), http.server.SimpleHTTPRequestHandler)
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
    site.supervisor.add("app-999999", ["/bin/sleep", "60"], cwd=Path("/"), user=None, logs=site.room / "logs")
    restarted = []
    folder = site.room / "server"
    appservers.reconcile(site.zoomdb, site.supervisor, "app-1", folder=folder, restart=restarted.append)
    assert (appservers.running_names(site.supervisor), restarted) == ([site.name], [])
    site.supervisor.remove(site.name)
    appservers.reconcile(site.zoomdb, site.supervisor, "app-1", folder=folder, restart=restarted.append)
    assert restarted == [site.deployment]


def test_values_cannot_add_lines_to_supervisords_configuration(supervisor):
    with pytest.raises(CommandFailed):
        supervisor.add("app-5", ["/bin/true\n[program:x]"], cwd=Path("/"), user=None, logs=supervisor.folder)
    assert "app-5" not in supervisor.names()
