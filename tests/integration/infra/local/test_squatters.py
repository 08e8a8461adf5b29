"""Another user of the machine takes the place of a server that has died, is told nothing and is not believed."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest

from dz import wiring
from dz.adapters.postgres import database_works
from dz.errors import ServiceUnavailable
from dz.prefect_environment import prepare
from dz.settings import settings
from infra.local import certificates, stack
from infra.local.layout import Layout
from infra.local.ports import Ports, choose
from infra.local.supervisor import Supervisor

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = 65534
PROGRAM = Path(__file__).with_name("squatter.py")


@pytest.fixture
def ports(running: stack.Stack) -> Ports:
    return choose(running.state_dir / "ports.json", seed="0", base=None)


@contextlib.contextmanager
def squatting(way: str, place: object, *files: Path) -> Iterator[list[str]]:
    """Yield what the squatter has said; whole when the block has ended."""
    words = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, str(PROGRAM), way, str(place)]
    process = subprocess.Popen(["setpriv", *words, *map(str, files)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = [process.stdout.readline().strip()]
    try:
        yield said
    finally:
        process.kill()
        said += process.stdout.read().split()
        process.wait(10)


@contextlib.contextmanager
def down(running: stack.Stack, *names: str) -> Iterator[None]:
    """End programs of the stack for as long as the block lasts; after a crash their supervisor may need as long."""
    supervisor = Supervisor(Layout(running.state_dir))
    supervisor.stop(names)
    assert {one.state for one in stack.status() if one.name in names} == {"STOPPED"}
    try:
        yield
    finally:
        supervisor.start(names)
        stack.up()


def told(said: list[str], way: str = "") -> bytes:
    """Return what was captured, of a squatter that was there and was asked; by TLS, a client may leave in the handshake."""
    assert said[0] == "listens"
    assert len(said) > 1 or way == "tls", "nobody came, so nothing was shown"
    return bytes.fromhex("".join(said[1:]))


@pytest.fixture
def foreign(running: stack.Stack) -> Iterator[tuple[Path, Path]]:
    """A certificate for 127.0.0.1 that the squatter has made itself, with its key."""
    folder = Path(tempfile.mkdtemp(prefix="dz-squat-"))
    pair = folder / "certificate", folder / "key"
    certificates.ensure(*pair)
    for path in (folder, *pair):
        os.chown(path, NOBODY, NOBODY)
    yield pair
    shutil.rmtree(folder)


def test_nobody_takes_the_place_of_a_socket_of_postgresql(running, ports) -> None:
    for name, port in (("platform", ports.postgres_platform), ("sites", ports.postgres_sites)):
        path = Layout(running.state_dir).run / name / f".s.PGSQL.{port}"
        with down(running, f"postgres-{name}"):
            path.unlink(missing_ok=True)
            with squatting("postgres", path) as said:
                pass
        assert said == ["PermissionError"]


def test_who_takes_the_port_of_the_sites_database_server_is_not_told_a_password(running, ports) -> None:
    login = {"host": "127.0.0.1", "port": ports.postgres_sites, "name": "shop", "password": "s3cret-word"}
    with down(running, "postgres-sites"), squatting("postgres", ports.postgres_sites) as said:
        assert not database_works(**login)
        # What a site without walls does, with the variable that it is given.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGREQUIREAUTH", "scram-sha-256")
            with pytest.raises(psycopg2.OperationalError, match="authentication method requirement"):
                psycopg2.connect(host="127.0.0.1", port=ports.postgres_sites, user="shop", password="s3cret-word")
        with squatting("postgres", ports.base + 6) as other, pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(host="127.0.0.1", port=ports.base + 6, user="shop", password="s3cret-word")
    assert b"shop" in told(said)
    assert b"s3cret-word" not in told(said)
    assert b"s3cret-word" in told(other), "the squatter notices a password that is sent"


def test_who_takes_the_port_of_the_bundle_store_gets_no_request(running, ports, foreign) -> None:
    words = [settings().s3_access_key or "", settings().s3_bucket, "PUT", "GET"]
    with down(running, "s3"):
        for way, files in (("http", ()), ("tls", foreign)):
            with squatting(way, ports.s3, *files) as said, pytest.raises(ServiceUnavailable):
                wiring.bundle_store().get_manifest("bundles/p00000001/one.json")
            assert [word for word in words if word.encode() in told(said, way)] == []


def test_who_takes_the_ports_of_prefects_server_is_not_told_its_password(running, ports, foreign) -> None:
    with down(running, "prefect-server"):
        for port in (ports.prefect, ports.prefect_api):
            with squatting("http", port) as said:
                pass
            assert said == ["OSError"], "its keeper holds it for the server, and for the browsers that ask on and on"
        Supervisor(Layout(running.state_dir)).stop(["prefect-ports"])
        for way, files in (("http", ()), ("tls", foreign)):
            with squatting(way, ports.prefect_api, *files) as said:
                words = [sys.executable, "-c", _ASK]
                asked = subprocess.run(words, env=_client(), capture_output=True, text=True, check=False)
            assert "ssl" in asked.stderr.lower(), "it ends in the handshake, or waits for one in vain"
            captured = told(said, way)
            assert b"Authorization" not in captured
            assert running.prefect_login.encode() not in captured
    assert httpx.get(f"{running.prefect_ui}/api/health", trust_env=False).status_code == 200


_ASK = (
    "from prefect.client.orchestration import get_client\nwith get_client(sync_client=True) as c: c.read_work_pools()"
)


def _client() -> dict[str, str]:
    """Return the environment of a process of the platform."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", here)
        prepare()
    assert here["PREFECT_API_URL"].startswith("https://127.0.0.1:")
    return {**here, "PREFECT_CLIENT_MAX_RETRIES": "0"}
