"""One start of the whole local stack, and what holds while it runs."""

import json
import os
import signal
import socket
import time

import httpx
import psutil
import psycopg2
import pytest

from dz.adapters.bundle_store import S3BundleStore
from dz.errors import PortTaken
from dz.settings import settings
from infra.local import leftovers, stack
from infra.local.layout import Layout


def pid(name: str) -> int | None:
    return next(one.pid for one in stack.status() if one.name == name)


def test_every_program_runs(running):
    assert {one.state for one in stack.status()} == {"RUNNING"}
    assert {"postgres-platform", "postgres-sites", "s3", "prefect-server", "git", "nginx-1", "worker-build-1"} <= {
        one.name for one in stack.status()
    }


def test_a_second_start_is_quick_and_leaves_everything_alone(running):
    before = {one.name: one.pid for one in stack.status()}
    began = time.monotonic()
    stack.up()
    assert time.monotonic() - began < 5
    assert {one.name: one.pid for one in stack.status()} == before


def test_sites_get_a_server_with_the_offered_extensions(running):
    assert {"pg_trgm", "hstore", "citext", "unaccent"} <= set(running.extensions)


def test_postgresql_wants_a_password(running):
    port = json.loads((running.state_dir / "ports.json").read_text())["postgres_sites"]
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", password="guess")


def test_prefect_answers_only_those_who_know_the_password(running):
    url = f"{running.prefect_ui}/api/work_pools/filter"
    assert httpx.post(url, json={}).status_code == 401
    user, word = running.prefect_login.split(":")
    pools = {pool["name"] for pool in httpx.post(url, json={}, auth=(user, word)).json()}
    assert {"build", "database", "appserver", "proxy"} <= pools


def test_the_bundle_store_keeps_what_it_is_given(running):
    here = settings()
    secret = here.s3_secret_key.get_secret_value()
    place = (here.s3_endpoint, here.s3_bucket, here.s3_region, here.s3_access_key, secret)
    store = S3BundleStore(*place, certificate=here.s3_certificate)
    store.put_manifest("bundles/p00000001/one.json", {"format": 1})
    assert store.get_manifest("bundles/p00000001/one.json") == {"format": 1}


def test_no_secret_is_in_an_argument_or_a_file_that_others_read(running):
    secrets = {path.read_text().strip() for path in (running.state_dir / "keys").glob("*.password")}
    assert secrets
    for process in leftovers.find(stack=Layout(running.state_dir).name, state=running.state_dir):
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in secrets)
    for path in (running.state_dir / "settings.json", running.state_dir / "supervisord.conf"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_killed_database_server_comes_back_with_its_data(running):
    os.kill(pid("postgres-platform"), signal.SIGKILL)
    stack.up()
    assert {one.state for one in stack.status()} == {"RUNNING"}


def test_a_killed_supervisor_is_repaired_by_the_next_start(running):
    supervisor = psutil.Process(pid("s3")).parent()
    os.kill(supervisor.pid, signal.SIGKILL)
    psutil.wait_procs([supervisor], timeout=5)
    stack.up()
    assert {one.state for one in stack.status()} == {"RUNNING"}


def test_a_port_that_another_program_took_is_named(running):
    stack.down()
    port = json.loads((running.state_dir / "ports.json").read_text())["s3"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(PortTaken, match=f"{port}.*s3"):
            stack.up()
