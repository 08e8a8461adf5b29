"""A Prefect server and a warm worker that runs a checkout of its own: started once for all tests of the worker."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
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

from dz.tasklib.messages import wakeups
from dz.zoomdb import Zoomdb
from dz.zoomdb.encryption import create_key_file
from tests.conftest import Cluster, free_port, make_zoomdb

ROOT = Path(__file__).parents[3]
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
        until(lambda: self.said("is warm") > before, 60)

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
        wakeups.work_sent(self.zoomdb, run.work_pool_name, run.work_queue_name)
        return run

    def end_of(self, run: FlowRun, seconds: float = 40) -> FlowRun:
        for _ in wakeups.times_to_look(self.zoomdb, str(run.id), seconds=seconds):
            now = self.client.read_flow_run(run.id)
            if now.state and now.state.is_final():
                return now
        raise AssertionError(f"{run.name} has not ended: {self.client.read_flow_run(run.id).state}")

    def look(self, name: str, **given: Any) -> dict[str, Any]:
        place = self.places / name
        assert state(self.end_of(self.send("look", place=str(place), **given))) == "Completed"
        return json.loads(place.read_text())

    def log_of(self, run: FlowRun) -> list[str]:
        found = self.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        return [line.message for line in found]

    def sleep(self, name: str, seconds: float) -> tuple[FlowRun, dict[str, Any]]:
        place = self.places / name
        run = self.send("sleep", place=str(place), seconds=seconds)
        until(place.exists, 30)
        return run, json.loads(place.read_text())


def state(run: FlowRun) -> str:
    assert run.state
    return run.state.name or ""


def message(run: FlowRun) -> str:
    assert run.state
    return run.state.message or ""


def until(true: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.fixture(scope="package")
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
        until(healthy, 90)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _register(bench: Bench) -> None:
    template = json.loads((ROOT / "work_pools" / "base_job_template.json").read_text())
    template["variables"]["properties"]["working_dir"]["default"] = str(bench.checkout)
    template["variables"]["properties"]["env"]["default"]["PROBE"] = "of the pool"
    bench.client.create_work_pool(WorkPoolCreate(name=POOL, type="warm", base_job_template=template))
    for name in ("look", "sleep", "die", "fail", "step", "steps", "leave", "unsent"):
        response = bench.client.request("POST", "/flows/", json={"name": name})
        bench.deployments[name] = bench.client.create_deployment(
            UUID(response.json()["id"]),
            name=name,
            entrypoint=f"flows/warm_probe.py:{name}",
            work_pool_name=None if name == "unsent" else POOL,
            pull_steps=[],
            path=".",
        )
