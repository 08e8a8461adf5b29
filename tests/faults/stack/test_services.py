"""Every service of the local stack is killed, leaves behind what it leaves, and comes back by itself."""

import contextlib
import json
import os
import signal
import threading

import httpx
import psutil
import psycopg2
import pytest
from sqlalchemy import make_url

from tests.e2e.conftest import Stack
from tests.faults.stack.conftest import Site, wait_until

pytestmark = pytest.mark.timeout(900)


def _status(stack: Stack) -> dict[str, dict[str, object]]:
    done = stack.run("status", "--json")

    return {one["name"]: one for one in json.loads(done.stdout)["programs"]}


def _pid(stack: Stack, name: str) -> int:
    found = _status(stack)[name]["pid"]
    assert isinstance(found, int)
    return found


def _all_answer(stack: Stack) -> bool:
    return stack.run("status").returncode == 0


def _kill(pid: int) -> psutil.Process:
    process = psutil.Process(pid)
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)
    return process


def test_killed_masters_of_nginx_are_replaced_and_their_workers_give_up_their_ports(site: Site) -> None:
    masters = {proxy: psutil.Process(_pid(site.stack, proxy)) for proxy in ("nginx-1", "nginx-2")}
    workers = [one for master in masters.values() for one in master.children() if one.name() == "nginx"]
    assert len(workers) >= len(masters)
    for proxy, master in masters.items():
        _kill(master.pid)
        wait_until(f"{proxy} has a master again", lambda proxy=proxy: _status(site.stack)[proxy]["state"] == "RUNNING")
        assert _pid(site.stack, proxy) != master.pid
    for one in workers:
        with contextlib.suppress(psutil.Error):
            assert not any(socket.status == psutil.CONN_LISTEN for socket in one.net_connections("tcp"))
    assert site.is_well()
    # They take orders again: the next deploy changes their configuration.
    site.deploy()
    assert site.is_well()


@pytest.mark.parametrize("name", ["platform", "sites"])
def test_a_killed_postgresql_with_a_busy_child_comes_back(site: Site, name: str) -> None:
    here = site.stack.settings
    url = make_url(here["zoomdb_url" if name == "platform" else "sites_database_url"])
    login = {"user": url.username, "password": url.password, "dbname": url.database}
    connection = psycopg2.connect(**url.query, **login)
    pid = connection.get_backend_pid()

    def work() -> None:
        with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute("select count(*) from generate_series(1, 100000000000)")

    thread = threading.Thread(target=work)
    thread.start()
    child = psutil.Process(pid)
    wait_until("a backend is busy", lambda: child.cpu_percent(0.2) > 10)
    _kill(_pid(site.stack, f"postgres-{name}"))
    wait_until(f"postgres-{name} answers again", lambda: _status(site.stack)[f"postgres-{name}"]["state"] == "RUNNING")
    thread.join(20)
    connection.close()
    assert not child.is_running()
    wait_until(f"all answer after postgres-{name} was killed", lambda: _all_answer(site.stack))
    wait_until(f"the site is well after postgres-{name} was killed", site.is_well)


@pytest.mark.parametrize("program", ["s3", "git", "prefect-server", "worker-build-1", "apps-1"])
def test_a_killed_service_comes_back(site: Site, program: str) -> None:
    before = _pid(site.stack, program)
    _kill(before)
    wait_until(f"{program} answers again", lambda: _status(site.stack)[program]["state"] == "RUNNING")
    assert _pid(site.stack, program) != before
    wait_until(f"the site is well after {program} was killed", site.is_well)


def test_a_killed_fork_server_is_replaced(site: Site) -> None:
    worker = psutil.Process(_pid(site.stack, "worker-build-1"))
    [fork_server] = worker.children()
    _kill(fork_server.pid)
    wait_until(
        "there is another fork-server", lambda: [one.pid for one in worker.children()] not in ([], [fork_server.pid])
    )
    site.deploy()
    assert site.is_well()


def test_what_runs_without_answering_is_not_called_well(site: Site) -> None:
    """A stopped process is the same to its supervisor as one that works."""
    names = ["prefect-server", "nginx-2", "s3", "git"]
    processes = [psutil.Process(_pid(site.stack, name)) for name in names]
    stopped = [one for process in processes for one in (process, *process.children(recursive=True))]
    for one in stopped:
        one.send_signal(signal.SIGSTOP)
    try:
        found = _status(site.stack)
        for name in names:
            assert found[name]["state"] == "SILENT", name
            assert found[name]["wrong"]
            assert found[name]["since"]
            assert str(found[name]["pid"]) in str(found[name]["remedy"])
        assert site.stack.run("status").returncode == 1
    finally:
        for one in stopped:
            one.send_signal(signal.SIGCONT)
    wait_until("all answer again", lambda: _all_answer(site.stack))


def test_a_worker_that_stands_still_is_silent(site: Site) -> None:
    pid = _pid(site.stack, "worker-database-1")
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until("its silence is seen", lambda: _status(site.stack)["worker-database-1"]["state"] == "SILENT")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("all answer again", lambda: _all_answer(site.stack))
    assert httpx.get(f"http://127.0.0.1:{site.ports()['proxy-1']}/", trust_env=False).status_code == 200
