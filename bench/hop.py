"""How long a call of a subflow on another role takes: through the stack's workers, and through a stock worker of Prefect."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from bench.hop_flow import hop
from bench.results import OURS, Results
from dz.errors import ServiceUnavailable
from dz.settings import PROJECT_ROOT, Role
from tasks.subflows import on_server

ROLE: Role = "database"
"""The role that is called; `build` calls others."""
STOCK = "bench-stock"
"""A pool as Prefect makes it: a process for each of three steps of a run, found by polling every second."""
PATIENCE = 60


def measure(results: Results, rounds: int) -> None:
    """Call the subflow `rounds` times each way, in turn."""
    with get_client(sync_client=True) as client, _registered(client), _stock_worker(client):
        _calls(results, rounds)


@flow(name="bench-calls", persist_result=False)
def _calls(results: Any, rounds: int) -> None:
    # The first call of each way finds nothing warm, so it is not counted.
    for number in range(rounds + 1):
        for side, call in ((OURS, _call), ("stock", _call_stock)):
            began = time.monotonic()
            call()
            if number:
                results.add("hop", side, time.monotonic() - began)


def _call() -> None:
    on_server(hop, ROLE)


def _call_stock() -> None:
    run_deployment(f"{hop.name}/{STOCK}", poll_interval=0.2, timeout=PATIENCE, as_subflow=True)


@contextlib.contextmanager
def _registered(client: SyncPrefectClient) -> Iterator[None]:
    """Register a pool with Prefect's own template, and Prefect deployments of the flow, while the block runs."""
    _forget(client)
    template = ProcessWorker.get_default_base_job_template()
    client.create_work_pool(WorkPoolCreate(name=STOCK, type="process", base_job_template=template))
    flow_id = client.create_flow_from_name(hop.name)
    for name, pool, queue in ((hop.name, ROLE, "all"), (STOCK, STOCK, None)):
        client.create_deployment(
            flow_id,
            name,
            entrypoint="bench/hop_flow.py:hop",
            path=str(PROJECT_ROOT),
            work_pool_name=pool,
            work_queue_name=queue,
            pull_steps=[],
        )
    try:
        yield
    finally:
        _forget(client)


def _forget(client: SyncPrefectClient) -> None:
    for name in (hop.name, STOCK):
        with contextlib.suppress(ObjectNotFound):
            client.delete_deployment(client.read_deployment_by_name(f"{hop.name}/{name}").id)
    with contextlib.suppress(ObjectNotFound):
        client.delete_work_pool(STOCK)


@contextlib.contextmanager
def _stock_worker(client: SyncPrefectClient) -> Iterator[None]:
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", STOCK, "--type", "process"]
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1", "PYTHONPATH": str(PROJECT_ROOT)}
    process = subprocess.Popen(
        argv,
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(client)
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def _wait_for(client: SyncPrefectClient) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pool = client.read_work_pool(STOCK)
        if pool.status and pool.status.value == "READY":
            return
        time.sleep(0.5)
    raise ServiceUnavailable("The stock worker of the comparison does not start.", "Look at Prefect's server.")
