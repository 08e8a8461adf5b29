"""App instances under a real supervisord and gunicorn; as root they run as a Unix user of their own."""

import json
import os
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass, replace

import pytest
import uv

from dz.adapters import archive
from dz.adapters.bundle_store import DirectoryBundleStore
from dz.adapters.python_downloads import Pythons
from dz.adapters.supervisor import Supervisor
from dz.adapters.users import ensure_user
from dz.adapters.walls.confinement import Network, of_this_server
from dz.adapters.walls.limits import MIB, Limits
from dz.settings import PROJECT_ROOT
from dz.tasklib.appservers import boot, configure, health, install, reconcile, stop
from dz.tasklib.appservers.instance import AppInstance, find
from dz.tasklib.servers import heartbeats, placement
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import DeploymentState
from tests.conftest import make_release
from tests.manifests import MANIFEST, PLAN

GROUP = f"djangozoom-test-{os.getpid()}/p1"
LIMITS = Limits(stage="site", memory_bytes=200 * MIB)
SHIM = PROJECT_ROOT / "dz" / "shim"
APP = """import os, time
import dz_answers
loaded_by = os.getpid()
mode = os.environ.get("MODE")
begun = time.monotonic()
if mode == "crash":
    raise LookupError("no such table: sky")
def hog():
    taken = bytearray(400 * 2**20)
    for place in range(0, len(taken), 4096):
        taken[place] = 1
if mode == "hog":
    hog()
if mode == "django":
    import django
    django.setup()
def application(environ, start_response):
    if environ["QUERY_STRING"] == "hog":
        hog()
    if mode == "hang":
        time.sleep(60)
    if mode == "slow":
        with open(os.environ["HOME"] + "/answered", "a") as file:
            file.write("%d " % os.getpid())
        time.sleep(0.5)
    if mode == "warming":
        if time.monotonic() - begun < 10:
            raise ConnectionRefusedError("the database is not there yet")
    start_response("500 Oops" if mode == "error" else "200 OK", [("Content-Type", "text/plain")])
    return [("%d %s %s" % (os.getuid(), loaded_by == os.getpid(), sorted(os.environ))).encode()]
application = dz_answers.wsgi(application)
"""
SETTINGS = """SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
"""
COMMAND = """import os, sys
from django.core.management.base import BaseCommand
class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("act")
    def handle(self, *, act, **options):
        with open(os.environ["HOME"] + "/hooks", "a") as file:
            file.write("%s %d %s\\n" % (act, os.getuid(), "dz_wsgi" in sys.modules))
        if act == "hog":
            from dz_wsgi import hog
            hog()
        if act == "fail":
            raise RuntimeError("no more paint")
"""


@pytest.fixture(scope="session")
def bundle(room, python):
    """A manifest and the store that holds its layers."""
    env, code = room / "made" / "env", room / "made" / "code"
    program = uv.find_uv_bin()
    subprocess.run([program, "venv", "-q", "-p", python.path, env], check=True)
    trusting = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as the installer does
    install = [program, "pip", "install", "-q", "-p", env / "bin" / "python", "gunicorn", "django<6"]
    subprocess.run(install, env=trusting, check=True)
    commands = code / "src" / "shop" / "management" / "commands"
    commands.mkdir(parents=True)
    (code / "dz").mkdir()
    (commands / "hook.py").write_text(COMMAND)
    for folder in (commands, commands.parent, commands.parent.parent):
        (folder / "__init__.py").write_text("")
    for name in ("dz_run.py", "dz_hooks.py", "dz_answers.py"):
        shutil.copy(SHIM / name, code / "dz")
    (code / "dz" / "dz_settings.py").write_text(SETTINGS)
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
    zoomdb: Zoomdb
    supervisor: Supervisor
    instance: AppInstance
    user: str | None

    def boot(self, mode="fine", *, loads_once=False, **plan):
        manifest = replace(
            self.instance.manifest, loads_once=loads_once, plan=replace(self.instance.manifest.plan, **plan)
        )
        self.instance = replace(self.instance, manifest=manifest)
        configure.write_files(self.instance, {"MODE": mode}, owner=self.owner)
        configure.write_walls(
            self.instance,
            owner=self.owner,
            network=Network(internet=True),
            within=of_this_server(),
            limits=LIMITS,
            group=GROUP,
        )
        boot.boot(self.instance, supervisor=self.supervisor)

    def get(self, query=""):
        """The user that answers, and whether the process that answers has loaded the project itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.instance.port}/?{query}", timeout=20) as answer:
            uid, loaded_here, _ = answer.read().decode().split(maxsplit=2)
        return int(uid), loaded_here == "True"

    def check(self, timeout=20.0):
        health.check(self.zoomdb, self.instance, supervisor=self.supervisor, timeout=timeout)

    def stop(self):
        stop.stop(self.zoomdb, self.supervisor, self.instance.deployment_id, folder=self.instance.folder)

    def reconcile(self, restart):
        reconcile.reconcile(self.zoomdb, self.supervisor, "app-1", folder=self.instance.folder, restart=restart)

    def retire(self):
        with self.zoomdb.session() as session:
            session.get_one(Deployment, self.instance.deployment_id).state = DeploymentState.RETIRING

    @property
    def owner(self):
        return ensure_user(self.user) if self.user else None

    @property
    def uid(self):
        return self.owner[0] if self.owner else os.getuid()

    @property
    def state(self):
        with self.zoomdb.session() as session:
            return session.get_one(Deployment, self.instance.deployment_id).state

    @property
    def name(self):
        return self.instance.program


@pytest.fixture
def placed(zoomdb, bundle):
    """A release whose bundle can be installed, placed on app-1; returns its id."""
    manifest, _ = bundle
    load = heartbeats.Load(1, 1, 1, 0, 0)
    heartbeats.beat(zoomdb, "app-1", role="appserver", address="127.0.0.1", capacity=5, load=load)
    release = make_release(zoomdb, manifest)
    placement.place(zoomdb, release, port_range=(23000, 23900))
    return release


@pytest.fixture
def site(zoomdb, supervisor, room, bundle, python, user, placed):
    """An app instance that is installed and not booted."""
    _, store = bundle
    instance = find(zoomdb, placed, "app-1", folder=room / "server")
    install.install(instance, store=store, pythons=Pythons((python,)))
    found = Site(zoomdb, supervisor, instance, user)
    yield found
    found.retire()
    found.stop()
    shutil.rmtree(instance.logs, ignore_errors=True)
