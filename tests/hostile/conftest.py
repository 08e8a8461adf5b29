"""The platform of the flow tests with two projects on it: a neighbour, and one that attacks at every stage of its life."""

import contextlib
import json
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
from sqlalchemy import select

from dz import wiring
from dz.adapters import files
from dz.settings import settings
from dz.tasklib.appservers import stop
from dz.tasklib.jobs import jobs
from dz.tasklib.servers import placement
from dz.worker import upkeep
from dz.zoomdb.models import Deployment
from tests.flows.conftest import POLLS, Platform, beating, platform, prefect

__all__ = ["beating", "platform", "prefect"]

CANARY = "canary-5f1e7b"
PROBE = Path(__file__).parent / "project" / "probe.py"
_SETUP = """
import json, os, sys
from setuptools import setup
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import probe
if "bdist_wheel" in sys.argv or not os.path.exists("hostile_setup.py"):
    report = json.dumps(probe.attempt("setup", here))
    with open("hostile_setup.py", "w") as stream:
        stream.write("REPORT = %r" % report)
    probe.leave_something_behind("setup")
setup(name="hostile-dependency", version="1.0", py_modules=["hostile_setup"])
"""
_SETTINGS = """
import json, os, sys
import probe
if not any("gunicorn" in word or word == "migrate" for word in sys.argv) and not os.path.exists("/tmp/hostile"):
    os.mkdir("/tmp/hostile")
    report = json.dumps(probe.attempt("settings", str(BASE_DIR)))
    with open("/tmp/hostile/report.json", "w") as stream:
        stream.write(report)
    STATICFILES_DIRS = ["/tmp/hostile"]
    probe.leave_something_behind("settings")
"""
_MIGRATION = """
import json, os
from django.conf import settings
from django.db import migrations
import probe
def attack(apps, schema_editor):
    report = json.dumps(probe.attempt("migration", str(settings.BASE_DIR)))
    schema_editor.execute("CREATE TABLE hostile (report text)")
    schema_editor.execute("INSERT INTO hostile VALUES (%s)", [report])
    probe.leave_something_behind("migration")
class Migration(migrations.Migration):
    dependencies = [("polls", "{last}")]
    operations = [migrations.RunPython(attack)]
"""
_REPORT_OF_THE_MIGRATION = """
from django.db import connection
cursor = connection.cursor()
cursor.execute("SELECT report FROM hostile")
print(cursor.fetchone()[0])
"""
_URLS = """
import contextlib, io, traceback
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
@csrf_exempt
def run(request):
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(request.body.decode(), {"__name__": "posted"})
    except BaseException:
        out.write(traceback.format_exc())
    return HttpResponse(out.getvalue())
urlpatterns = [path("", lambda request: HttpResponse("NAME")), path("run/", run)]
"""
"""The site answers with its name, and runs whatever Python the tester posts."""


@dataclass
class Load:
    """Asks a site some 20 times a second.

    Args:
        failures: (seconds, what came instead of its own page).
    """

    site: "Site"
    asked: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.05):
            got = self.site.get("/", seconds=10)
            self.asked += 1
            if got != self.site.name:
                self.failures.append((time.monotonic(), got[:200]))


@dataclass(frozen=True)
class Site:
    """A deployed site, asked through the proxy.

    Args:
        name: of its project; its first page consists of it.
    """

    name: str
    url: str
    deployment: int
    folder: Path

    def get(self, path: str, data: bytes | None = None, *, seconds: float = 60) -> str:
        """Return a page, or what went wrong."""
        asked = urllib.request.Request(self.url + path, data, {"Content-Type": "text/plain"})  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=seconds) as answer:  # noqa: S310
                return str(answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read()!r}"
        except OSError as error:
            return repr(error)

    def run(self, code: str) -> str:
        """Run Python in the site."""
        return self.get("/run/", code.encode())

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the site, its launcher first."""
        pid = wiring.supervisor("appserver-1").pid(f"app-{self.deployment}")
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]

    def undeploy(self) -> None:
        """Take it down."""
        stop.take_down(wiring.supervisor("appserver-1"), self.deployment, folder=self.folder)


@dataclass(frozen=True)
class Attack:
    """What became of the attacks at each stage.

    Args:
        reports: what `project/probe.py` found, by stage.
        hits: what reached the listeners of the test.
        failures: what the neighbour's visitors got instead of its page meanwhile.
    """

    attacker: Site
    neighbour: Site
    reports: dict[str, dict[str, Any]]
    hits: list[str]
    load: Load


def deploy(platform: Platform, tree: Path, name: str) -> Site:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    urls = _URLS.replace("NAME", name)
    (tree / "mysite" / "urls.py").write_text(urls)
    url = platform.publish(name, tree)
    for role in ("build", "database", "appserver", "proxy"):
        upkeep.beat(role, f"{role}-1")
    build_and_deploy(DeployRequest(url=url))
    result = jobs.newest(wiring.zoomdb(), limit=1)[0].result
    with platform.zoomdb.session() as session:
        deployment = session.scalars(select(Deployment.id).order_by(Deployment.id.desc())).first()
    assert deployment
    return Site(name, result["url"].rstrip("/"), deployment, platform.state / "servers" / "appserver-1")


def armed(tree: Path, targets: dict[str, Any]) -> None:
    """Put attacks on all stages into a project."""
    for place, more in ((tree, {}), (tree / "dependency", {"proxied": _PROXIED})):
        place.mkdir(exist_ok=True)
        shutil.copy(PROBE, place)
        (place / "targets.json").write_text(json.dumps({**targets, "proxied": [], **more}))
    (tree / "dependency" / "setup.py").write_text(_SETUP)
    with (tree / "requirements.txt").open("a") as stream:
        stream.write("psycopg2-binary\n./dependency\n")
    with (tree / "mysite" / "settings.py").open("a") as stream:
        stream.write(_SETTINGS)
    migrations = tree / "polls" / "migrations"
    last = max(migrations.glob("0*.py")).stem
    (migrations / "0099_attack.py").write_text(_MIGRATION.replace("{last}", last))


_PROXIED = ["unlisted.example.org:443", "127.0.0.1:5432", "10.0.0.1:443", "169.254.169.254:80"]


@contextlib.contextmanager
def listeners() -> Iterator[tuple[int, list[str]]]:
    """Yield the port of listeners at every address of this machine, by TCP and UDP, and a list of who came."""
    hits: list[str] = []
    with (
        socket.create_server(("0.0.0.0", 0)) as stream,  # noqa: S104 - nobody but this test knows it
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        port = stream.getsockname()[1]
        datagrams.bind(("0.0.0.0", port))  # noqa: S104
        abstract.bind(f"\0dz-hostile-{port}")
        abstract.listen()

        def accept(one: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, who = one.accept()
                    hits.append(f"connection from {who!r}")
                    connection.close()

        def receive() -> None:
            with contextlib.suppress(OSError):
                while True:
                    hits.append(f"datagram {datagrams.recvfrom(100)!r}")

        threads = [threading.Thread(target=accept, args=(one,), daemon=True) for one in (stream, abstract)]
        for thread in [*threads, threading.Thread(target=receive, daemon=True)]:
            thread.start()
        yield port, hits


def _own_addresses() -> list[str]:
    return [one.address for card in psutil.net_if_addrs().values() for one in card if one.family == socket.AF_INET]


def _places(port: int) -> list[Any]:
    """Return everything of this machine that somebody listens at, and a port of the test at each of its addresses."""
    found: list[Any] = [[address, port] for address in _own_addresses()]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what others listen at
    listening = [one.laddr for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    found += [[here.get(place.ip, place.ip), place.port] for place in listening]
    found += sorted({str(one.laddr) for one in psutil.net_connections("unix") if str(one.laddr)[:1] in {"/", "@"}})
    return [*found, "/var/run/docker.sock", "/run/dbus/system_bus_socket", ["169.254.169.254", 80], ["192.0.2.1", 80]]


def targets(platform: Platform, neighbour: Site | None, port: int) -> dict[str, Any]:
    state, cluster = platform.state, settings().sites_database_url.get_secret_value()
    servers = state / "servers"
    theirs = servers / "appserver-1"
    shared_layers = [str(one) for name in ("envs", "static") for one in (theirs / name).glob("*")]
    return {
        "files": [
            *(
                "/root",
                "/home",
                "/var",
                "/srv",
                f"{sys.prefix}/lib",
                "/mnt",
                "/media",
                "/boot",
                "/sys",
                "/dev/sd*",
                "/dev/mem",
            ),
            *("/etc/shadow", "/etc/ssh*", "/etc/sudoers", "/etc/cron*", "/etc/systemd", "/etc/hostname", "/run/*.sock"),
            *(str(state / name) for name in ("settings.json", "keys", "bundles", "git", "work", "pythons", "locks")),
            *(str(servers / name) for name in ("proxy-1", "database-1", "*/supervisor", "*/logs", "*/lock*")),
            *(str(servers / "build-1" / f"{name}*") for name in ("checkouts/p00000001", "envs/p00000001")),
            *(str(theirs / name) for name in ("bundles/p00000001", "instances/1", "projects/p00000001")),
            *shared_layers,
        ],
        "read": [str(settings().key_file), str(state / "settings.json"), "/etc/shadow", "/proc/kcore", "/dev/mem"],
        "databases": ["p00000001", "zoomdb_flows", "postgres", "template1"],
        "places": [place for place in _places(port) if str(place[1]) not in cluster.rpartition(":")[2]],
        "datagrams": [[address, port] for address in _own_addresses()],
        "pids": [psutil.Process().pid, *(one.pid for one in (neighbour.processes() if neighbour else []))],
    }


def _parsed(stage: str, text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        found = {"unreadable": f"{stage}: {text}"}
    return found


def reports(site: Site) -> dict[str, dict[str, Any]]:
    """What `project/probe.py` found at each stage of a site."""
    now = "import json, probe; from django.conf import settings\n"
    now += "print(json.dumps(probe.attempt('site', str(settings.BASE_DIR))))\n"
    texts = {
        "setup": site.run("import hostile_setup; print(hostile_setup.REPORT)"),
        "settings": site.get("/static/report.json"),
        "migration": site.run(_REPORT_OF_THE_MIGRATION),
        "site": site.run(now),
    }
    return {stage: _parsed(stage, text) for stage, text in texts.items()}


@pytest.fixture(scope="package")
def attack(platform: Platform, prefect: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    """Deploy a neighbour, then an attacker, while the neighbour is in use."""
    patch = pytest.MonkeyPatch()
    patch.setattr(placement, "SILENT_AFTER", 300)  # two deploys on a busy machine, and nobody beats
    files.write(platform.state / "settings.json", json.dumps({"s3_secret_key": CANARY}), mode=0o600)
    for name in ("AWS_SECRET_ACCESS_KEY", "PREFECT_API_AUTH_STRING", "DZ_S3_SECRET_KEY"):
        patch.setenv(name, CANARY)
    trees = [tmp_path_factory.mktemp("trees") / name for name in ("neighbour", "attacker")]
    for tree in trees:
        shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        neighbour = deploy(platform, trees[0], "neighbour")
        with listeners() as (port, hits), Load(neighbour) as load:
            armed(trees[1], targets(platform, neighbour, port))
            attacker = deploy(platform, trees[1], "attacker")
            yield Attack(attacker, neighbour, reports(attacker), hits, load)
    finally:
        patch.undo()
