"""The warm worker on a real Prefect server: what the process worker promises, without its cold starts."""

import asyncio
import contextlib
import functools
import inspect
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED, temporary_settings
from prefect.states import Cancelling, Pending

from dz.tasklib.messages import wakeups
from dz.worker import known
from dz.worker.lost_runs import LostRuns, taken_by
from dz.zoomdb import Zoomdb
from dz.zoomdb.encryption import create_key_file
from tests.conftest import Cluster, free_port, make_zoomdb

ROOT = Path(__file__).parents[2]
POOL = "build"


@dataclass
class Bench:
    """A checkout of its own, a Prefect server, and a worker that runs that checkout."""

    checkout: Path
    client: SyncPrefectClient
    zoomdb: Zoomdb
    environment: dict[str, str]
    log: Path
    places: Path
    deployments: dict[str, UUID] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start_worker(self) -> None:
        words = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "warm", "--name", "w1"]
        with self.log.open("ab") as log:
            # Where these tests run in the background of a shell, SIGINT is ignored, which a child would inherit.
            before_fork = signal.signal(signal.SIGINT, signal.default_int_handler)
            self.process = subprocess.Popen(
                [*words, "--limit", "2"], cwd="/", env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
            signal.signal(signal.SIGINT, before_fork)
        before = self.said("is warm")
        _until(lambda: self.said("is warm") > before, 60)

    def stop_worker(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def said(self, text: str) -> int:
        return self.log.read_text(errors="replace").count(text) if self.log.exists() else 0

    def fork_server(self) -> psutil.Process:
        assert self.process
        children = psutil.Process(self.process.pid).children()
        return next(one for one in children if "dz.worker.fork_server" in one.cmdline())

    def send(self, flow: str, *, env: dict[str, str] | None = None, **parameters: Any) -> FlowRun:
        variables = {"env": env} if env else None
        run = self.client.create_flow_run_from_deployment(
            self.deployments[flow], parameters=parameters, job_variables=variables
        )
        wakeups.work_sent(self.zoomdb, run.work_pool_name, run.work_queue_name, str(run.id))
        return run

    def end_of(self, run: FlowRun, seconds: float = 40) -> FlowRun:
        for _ in wakeups.times_to_look(self.zoomdb, str(run.id), seconds=seconds):
            now = self.client.read_flow_run(run.id)
            if now.state and now.state.is_final():
                return now
        raise AssertionError(f"{run.name} has not ended: {self.client.read_flow_run(run.id).state}")

    def look(self, name: str, **given: Any) -> dict[str, Any]:
        place = self.places / name
        assert _state(self.end_of(self.send("look", place=str(place), **given))) == "Completed"
        return json.loads(place.read_text())

    def sleep(self, name: str, seconds: float) -> tuple[FlowRun, dict[str, Any]]:
        place = self.places / name
        run = self.send("sleep", place=str(place), seconds=seconds)
        _until(place.exists, 30)
        return run, json.loads(place.read_text())


def _state(run: FlowRun) -> str:
    assert run.state
    return run.state.name or ""


def _until(true: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.fixture(scope="module")
def bench(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("warm")
    create_key_file(folder / "keys" / "zoomdb.key")
    zoomdb = make_zoomdb(cluster, "zoomdb_warm", folder / "keys" / "zoomdb.key")
    api = f"http://127.0.0.1:{free_port()}/api"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(folder / "checkout"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "60",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.2",
        "DZ_STATE_DIR": str(folder),
        "DZ_ZOOMDB_URL": zoomdb.url,
        "DZ_CANARY": "of the worker",
    }
    checkout = _checkout(folder / "checkout")
    with (
        _prefect_server(environment, folder / "server.log"),
        temporary_settings({PREFECT_API_URL: api, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}),
        get_client(sync_client=True) as client,
    ):
        found = Bench(checkout, client, zoomdb, environment, folder / "worker.log", folder)
        _register(found)
        try:
            found.start_worker()
            yield found
        finally:
            found.stop_worker()
            zoomdb.close()


def _checkout(folder: Path) -> Path:
    for name in ("dz", "flows", "tasks", "blocks", "deployments", "djangozoom.dist-info"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("warm_probe.py"), folder / "flows")
    (folder / "tasks" / "probe_value.py").write_text("VALUE = 1\n")
    return folder


@contextlib.contextmanager
def _prefect_server(environment: dict[str, str], log: Path) -> Iterator[None]:
    url = environment["PREFECT_API_URL"]
    words = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", url[17:-4]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd="/", env=environment | {"PYTHONPATH": ""}, stdout=output, stderr=output, start_new_session=True
        )

    def healthy() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{url}/health", timeout=2, trust_env=False).status_code == 200
        return False

    try:
        _until(healthy, 90)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _register(bench: Bench) -> None:
    template = json.loads((ROOT / "work_pools" / "base_job_template.json").read_text())
    template["variables"]["properties"]["working_dir"]["default"] = str(bench.checkout)
    template["variables"]["properties"]["env"]["default"]["PROBE"] = "of the pool"
    bench.client.create_work_pool(WorkPoolCreate(name=POOL, type="warm", base_job_template=template))
    for name in ("look", "sleep", "die", "fail", "step"):
        response = bench.client.request("POST", "/flows/", json={"name": name})
        bench.deployments[name] = bench.client.create_deployment(
            UUID(response.json()["id"]),
            name=name,
            entrypoint=f"flows/warm_probe.py:{name}",
            work_pool_name=POOL,
            pull_steps=[],
            path=".",
        )


def test_what_is_replaced_in_prefects_modules_is_there_and_ends_without_waiting() -> None:
    from prefect import flow_engine  # noqa: PLC0415
    from prefect.client import orchestration  # noqa: PLC0415

    assert orchestration.ssl.create_default_context
    assert "polling_interval" in inspect.signature(flow_engine.observe_flow_run_suspension).parameters
    beaten = threading.Event()
    engine = SimpleNamespace(
        heartbeat_seconds=30,
        flow_run=None,
        logger=logging.getLogger("test"),
        _build_heartbeat_event_template=lambda: ({}, []),
        _emit_flow_run_heartbeat=lambda resource, related: beaten.set(),
    )
    without_waiting = functools.partial(flow_engine._send_heartbeats, join_on_exit=False)
    with without_waiting(engine):  # type: ignore[arg-type]
        assert beaten.wait(5)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5


def test_a_run_is_forked_with_the_pools_environment_and_folder_and_its_log_is_shipped(bench: Bench) -> None:
    facts = bench.look("first")
    assert facts["parent"] == bench.fork_server().pid
    assert facts["folder"] == str(bench.checkout)
    assert str(bench.checkout) in facts["path"]
    assert facts["environment"]["PROBE"] == "of the pool"
    assert facts["environment"]["DZ_CANARY"] == "of the worker"
    _until(lambda: bench.said(f"printed for {bench.places / 'first'}") == 1, 10)
    run = bench.client.read_flow_runs()[0]
    _until(lambda: any("a line for the log" in text for text in _log(bench, run)), 10)


def test_the_engine_gets_what_the_process_worker_gives_it_and_nothing_of_the_fork_server(bench: Bench) -> None:
    facts = bench.look("bare")
    assert {"PREFECT__FLOW_RUN_ID", "PREFECT__FLOW_NAME", "PREFECT__WORKER_NAME"} <= facts["environment"].keys()
    assert "PREFECT__CONTROL_TOKEN" not in facts["environment"]
    sockets = [name for name in facts["files"] if name.startswith("socket:")]
    fork_server = {str(path.readlink()) for path in Path(f"/proc/{bench.fork_server().pid}/fd").iterdir()}
    assert not fork_server.intersection(sockets)


def test_events_of_a_run_name_what_is_around_it(bench: Bench) -> None:
    run = bench.end_of(bench.send("step", place=str(bench.places / "touched")))
    wanted = {"event": {"name": ["prefect.task-run.Completed"]}, "related": {"id": [f"prefect.flow-run.{run.id}"]}}

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = bench.client.request("POST", "/events/filter", json={"filter": wanted}).json()[
            "events"
        ]
        return found

    _until(events, 15)
    names = {(one["prefect.resource.role"], one.get("prefect.resource.name")) for one in events()[0]["related"]}
    assert names >= {("flow", "step"), ("deployment", "step"), ("work-pool", POOL), ("work-queue", "default")}


def test_a_limit_on_a_tag_holds(bench: Bench) -> None:
    bench.client.request(
        "POST", "/v2/concurrency_limits/", json={"name": "tag:role:build", "limit": 1, "active_slots": 1}
    )
    time.sleep(known.LEARN_SECONDS + 2)
    place = bench.places / "limited"
    run = bench.send("step", place=str(place))
    time.sleep(4)
    assert not place.exists()
    bench.client.request("DELETE", "/v2/concurrency_limits/{id_or_name}", path_params={"id_or_name": "tag:role:build"})
    assert _state(bench.end_of(run)) == "Completed"


def test_nothing_of_a_run_is_left_to_the_next(bench: Bench) -> None:
    bench.look("before", env={"PROBE": "of one run", "ONLY_HERE": "yes"})
    after = bench.look("after")
    assert after["seen"] == []
    assert "LEFT_BEHIND" not in after["environment"]
    assert "ONLY_HERE" not in after["environment"]
    assert after["environment"]["PROBE"] == "of the pool"
    assert after["folder"] == str(bench.checkout)
    assert str(bench.places / "before") not in after["path"]
    assert after["state_dir"] == str(bench.places)
    assert json.loads((bench.places / "before").read_text())["environment"]["PROBE"] == "of one run"


def test_a_run_starts_when_it_is_told_of_not_when_it_is_polled_for(bench: Bench) -> None:
    begun = time.monotonic()
    bench.look("soon")
    assert time.monotonic() - begun < 15  # the worker polls every minute


def test_work_is_noticed_after_the_connection_was_lost(bench: Bench, cluster: Cluster) -> None:
    with bench.zoomdb.own_connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen dz_work' "
            "and datname = current_database()"
        )
        assert cursor.rowcount == 1
    bench.look("again")


def test_a_run_that_raises_fails_and_one_that_dies_is_crashed_with_its_exit_code(bench: Bench) -> None:
    runs = [bench.send("fail"), bench.send("die", how="killed"), bench.send("die", how="exits")]
    failed, killed, exited = [bench.end_of(run) for run in runs]
    assert (_state(failed), _message(failed)) == (
        "Failed",
        "Flow run encountered an exception: RuntimeError: this is wrong",
    )
    assert (_state(killed), _state(exited)) == ("Crashed", "Crashed")
    assert "status code: -9" in _message(killed)
    assert "status code: 3" in _message(exited)


def test_cancelling_ends_the_run_and_the_programs_it_started(bench: Bench) -> None:
    run, facts = bench.sleep("cancelled", 300)
    bench.client.set_flow_run_state(run.id, Cancelling(), force=True)
    assert _state(bench.end_of(run)) == "Cancelled"
    _until(lambda: _gone(facts["pid"]) and _gone(facts["program"]), 5)


def test_a_worker_runs_no_more_than_its_limit(bench: Bench) -> None:
    pair = [bench.sleep(f"limit-{number}", 5) for number in (1, 2)]
    third = bench.places / "limit-3"
    run = bench.send("look", place=str(third))
    time.sleep(1.5)
    assert not third.exists()
    for busy, _ in pair:
        bench.end_of(busy)
    begun = time.monotonic()
    assert _state(bench.end_of(run)) == "Completed"
    assert time.monotonic() - begun < 15  # the worker polls every minute


def test_changed_code_is_used_by_the_next_run_and_the_run_under_way_goes_on(bench: Bench) -> None:
    run, facts = bench.sleep("old", 6)
    assert facts["value"] == 1
    old = bench.fork_server()
    (bench.checkout / "tasks" / "probe_value.py").write_text("VALUE = 2  # changed\n")
    assert bench.look("new")["value"] == 2
    assert _state(bench.end_of(run)) == "Completed"
    assert Path(f"{bench.places / 'old'}.done").exists()
    old.wait(15)
    _until(lambda: bench.said("begins anew") == 1, 10)


def test_killing_the_fork_server_costs_no_run(bench: Bench) -> None:
    run, facts = bench.sleep("orphan", 3)
    bench.fork_server().kill()
    assert bench.look("after-kill")["pid"] != facts["pid"]
    assert _state(bench.end_of(run)) == "Completed"


def test_without_a_fork_server_runs_start_cold_and_the_log_says_so(bench: Bench) -> None:
    broken = bench.checkout / "tasks" / "probe_broken.py"
    broken.write_text("this is not Python\n")
    try:
        facts = bench.look("cold")
    finally:
        broken.unlink()
    assert bench.process
    assert facts["parent"] == bench.process.pid
    assert bench.said("starts cold, as by the process worker") == 1


def test_a_killed_worker_leaves_its_run_and_the_next_worker_takes_new_work(bench: Bench) -> None:
    run, _ = bench.sleep("left", 4)
    assert bench.process
    bench.process.kill()
    bench.process.wait(10)
    bench.start_worker()
    assert bench.look("next")["parent"] == bench.fork_server().pid
    assert _state(bench.end_of(run)) == "Completed"


def test_a_run_whose_worker_died_before_it_began_is_scheduled_again(bench: Bench) -> None:
    run = bench.client.create_flow_run_from_deployment(
        bench.deployments["look"],
        parameters={"place": str(bench.places / "lost")},
        state=Pending(message=taken_by("killed")),
    )

    async def look_twice() -> None:
        lost = LostRuns(POOL, "killed")
        async with get_client() as client:
            await lost.send_again(client, {run.id})
            await lost.send_again(client, set())
            assert (await client.read_flow_run(run.id)).state_name == "Pending"
            await lost.send_again(client, set())

    asyncio.run(look_twice())
    assert _state(bench.end_of(run)) == "Completed"


def test_a_stopped_worker_ends_its_runs_and_leaves_no_process(bench: Bench) -> None:
    run, facts = bench.sleep("stopped", 300)
    server = bench.fork_server()
    bench.stop_worker()
    _until(lambda: _gone(facts["pid"]) and _gone(facts["program"]) and _gone(server.pid), 20)
    assert _state(bench.end_of(run)) == "Crashed"
    bench.start_worker()


def _message(run: FlowRun) -> str:
    assert run.state
    return run.state.message or ""


def _log(bench: Bench, run: FlowRun) -> list[str]:
    found = bench.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
    return [line.message for line in found]
