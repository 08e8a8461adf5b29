"""`dz bench --scale`: what a deploy costs the platform itself with 10, 1,000 and 10,000 projects and 100 servers."""

import contextlib
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import update

from bench import simulated
from bench.queries import whole_tables_read
from bench.services import Services
from dz.adapters.nginx import Nginx
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.jobs import endings, jobs, log
from dz.tasklib.proxies import config, hosts, publish, sites, vhosts
from dz.tasklib.proxies.config import SiteConfig, Upstream, Vhost
from dz.tasklib.releases import releases
from dz.tasklib.servers import heartbeats, placement, servers
from dz.tasklib.servers.heartbeats import Load
from dz.zoomdb import Zoomdb
from dz.zoomdb.encryption import create_key_file
from dz.zoomdb.models import Bundle, Deployment
from dz.zoomdb.states import JobKind, LogType
from infra.local.nginx import nginx_binary
from infra.local.postgres import Cluster

SIZES = (10, 1_000, 10_000)
SMALLEST_TELLING = 1_000
"""With fewer projects PostgreSQL rightly reads whole tables."""
REPEATS = 9
REPEATS_OF_MANY = 3
"""A reload of 10,000 sites takes seconds."""
STEPS_OF_A_DEPLOY = 20
NGINX_SECONDS = 120


@dataclass
class Costs:
    """Milliseconds of each piece of work, by its name."""

    found: dict[str, list[float]] = field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time the block as `name`."""
        began = time.monotonic()
        yield
        self.found.setdefault(name, []).append(1000 * (time.monotonic() - began))

    def medians(self) -> dict[str, float]:
        """Return the median of each; the first run finds nothing prepared and does not count."""
        return {name: statistics.median(times[1:] or times) for name, times in self.found.items()}


@dataclass
class Platform:
    """A zoomdb and a proxy with many projects."""

    size: int
    zoomdb: Zoomdb
    nginx: Nginx
    process: "subprocess.Popen[bytes]"
    upstream: Upstream
    costs: Costs = field(default_factory=Costs)
    version: int = 1


def measure(sizes: Sequence[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Return milliseconds by size and piece of work, what grew from the first size to the second, and slow queries.

    The sizes take turns, so that other work on the machine slows all of them alike.
    """
    folder = settings().state_dir.with_name(f"{settings().state_dir.name}-scale")
    services = Services(folder)
    services.clear()
    try:
        create_key_file(folder / "zoomdb.key")
        with _upstream() as port:
            cluster = services.postgres("scale")
            platforms = [_platform(size, cluster, services, Upstream("127.0.0.1", port), tell) for size in sizes]
            read = _queries(platforms[-1].zoomdb) if sizes[-1] >= SMALLEST_TELLING else []
            _measure(platforms)
        milliseconds = {one.size: one.costs.medians() | {"nginx MB": _memory(one.process)} for one in platforms}
    finally:
        services.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {"milliseconds": milliseconds, "growth": growth(milliseconds, sizes), "whole_tables_read": read}


def _platform(
    size: int, cluster: Cluster, services: Services, upstream: Upstream, tell: Callable[[str], None]
) -> Platform:
    name = f"scale{size}"
    cluster.create_database(name, "scale")
    url = cluster.url(name, user=name, password="scale")  # noqa: S106  a database that lives for minutes
    zoomdb = Zoomdb(url, services.folder / "zoomdb.key")
    simulated.fill(zoomdb, size)
    folder = services.folder / name
    folder.mkdir(mode=0o711)
    user = services.web_user()
    nginx = Nginx(nginx_binary(None), folder, port=services.port(), status_port=services.port(), user=user)
    nginx.write_main()
    for number in range(1, size + 1):
        content = config.render(_site(number, 1, upstream), statics={})
        (folder / "sites" / f"p{number:08d}.conf").write_text(content)
    process = services.launch("nginx", nginx.command, folder)
    _wait_for(nginx)
    tell(f"{size} projects are there")
    return Platform(size, zoomdb, nginx, process, upstream)


def _queries(zoomdb: Zoomdb) -> list[str]:
    with whole_tables_read(zoomdb) as read:
        of_zoomdb(zoomdb, Costs())
    return sorted(read)


def _measure(platforms: Sequence[Platform]) -> None:
    for _ in range(2 * REPEATS):
        for one in platforms:
            of_zoomdb(one.zoomdb, one.costs)
    for number in range(REPEATS):
        for one in platforms:
            if one.size <= 1000 or number <= REPEATS_OF_MANY:
                of_nginx(one)


def growth(milliseconds: dict[int, dict[str, float]], sizes: Sequence[int]) -> dict[str, float]:
    """Return by which factor each piece of work grew from the first size to the second, and a deploy as a whole."""
    small, large = (milliseconds[size] for size in sizes[:2])
    return {name: round(large[name] / small[name], 2) for name in small if small[name]}


def of_zoomdb(zoomdb: Zoomdb, costs: Costs) -> None:
    """Do once what a deploy asks of zoomdb, and what goes on beside it."""
    simulated.beat(zoomdb)
    with costs.timed("zoomdb: a deploy"):
        _bookkeeping(zoomdb, costs)
    with costs.timed("zoomdb: heartbeat"):
        load = Load(1.0, 2.0, 3.0, 0.5, 4)
        heartbeats.beat(zoomdb, "appserver-7", role="appserver", address="127.0.0.1", capacity=500, load=load)
    with costs.timed("zoomdb: jobs of a project"):
        jobs.newest(zoomdb, project="site-5")
    with costs.timed("zoomdb: newest jobs"):
        jobs.newest(zoomdb)
    with costs.timed("zoomdb: dead jobs"):
        endings.reap(zoomdb)


def _bookkeeping(zoomdb: Zoomdb, costs: Costs) -> None:
    """Read and write what a deploy of a known project does, without the work in between."""
    job = jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={}, requested_by="bench")
    with jobs.running(zoomdb, job, f"run-{job}"):
        for step in range(STEPS_OF_A_DEPLOY):
            log.write(zoomdb, job, LogType.STEP_BEGIN, step=f"step {step}")
            log.write(zoomdb, job, LogType.STEP_END, "0.1", step=f"step {step}")
        jobs.get(zoomdb, job)
        log.lines(zoomdb, job)
        project = projects.ensure(zoomdb, name=None, url="https://git.example/site-5", ref=None).id
        jobs.set_project(zoomdb, job, project)
        hosts.refuse_taken(zoomdb, project, "site-5.example.org")
        hosts.claim_host(zoomdb, project, "site-5.example.org")
        for role in ("database", "appserver", "proxy", "proxy"):
            servers.refuse_silent_role(zoomdb, role)
        with zoomdb.session() as session:
            bundle = session.query(Bundle.id).filter(Bundle.project_id == project).order_by(Bundle.id).first()
        release = releases.create(zoomdb, project, bundle[0] if bundle else 0)
        with costs.timed("zoomdb: placement"):
            placement.refuse_full(zoomdb)
            placed = placement.place(zoomdb, release, port_range=(40_000, 60_000))
        with zoomdb.session() as session:
            ids = [one.deployment_id for one in placed]
            session.execute(update(Deployment).where(Deployment.id.in_(ids)).values(state="healthy"))
        vhosts.vhosts_of(zoomdb, project, "proxy-1", release)
        releases.publish(zoomdb, release)
        releases.retire(zoomdb, project, 2)
        sites.of_release(zoomdb, release)


def of_nginx(one: Platform) -> None:
    """Do one proxy_update, its parts once more, and one minute's repair of the proxy."""
    nginx, costs = one.nginx, one.costs
    one.version += 1
    site = _site(3, one.version, one.upstream)
    with costs.timed("proxy_update"):
        publish.publish(site, nginx=nginx, static_fetch=_nothing, timeout=NGINX_SECONDS)
    with costs.timed("proxy_update: test"):
        nginx.test(site.sysid, nginx.site(site.sysid) or "")
    with costs.timed("proxy_update: nothing to do"):
        publish.publish(site, nginx=nginx, static_fetch=_nothing)
    with costs.timed("repair of a proxy: look at all"):
        vhosts.all_vhosts(one.zoomdb, "proxy-1")


def _site(number: int, version: int, upstream: Upstream) -> SiteConfig:
    name = f"site-{number}"
    vhost = Vhost(f"{name}.example.org", None, name, version, (upstream,), None, ())
    return SiteConfig(f"p{number:08d}", (vhost,))


def _nothing(sha256: str, size: int) -> Path:
    raise FileNotFoundError(sha256)


def _wait_for(nginx: Nginx) -> None:
    deadline = time.monotonic() + NGINX_SECONDS
    while nginx.generation() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def _memory(process: "subprocess.Popen[bytes]") -> float:
    """Return the memory of nginx's processes in MB, counting each shared page once."""
    master = psutil.Process(process.pid)
    return sum(one.memory_full_info().pss for one in [master, *master.children()]) / 1e6


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def _upstream() -> Iterator[int]:
    """Run an app instance that answers every request with nothing; yields its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
