"""The worker type `warm`: Prefect's process worker, except that flow runs are forked from a warm process.

Both `python -m dz.worker` and `prefect worker start --pool build --type warm` start it.
"""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_logger
from prefect.states import Cancelled, Completed
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

from dz import wiring
from dz.errors import going_on
from dz.settings import PROJECT_ROOT
from dz.tasklib.jobs import endings
from dz.tasklib.messages import wakeups
from dz.worker import agreement, lost_runs
from dz.worker.client import WorkerClient
from dz.worker.code_version import code_version
from dz.worker.fork_servers import ForkServers
from dz.worker.generations import ForkServerGoneError
from dz.worker.internals import executions, hooks, labels
from dz.worker.internals.executions import Executions
from dz.worker.listening import Listener
from dz.worker.lost_runs import LostRuns, taken_by
from dz.worker.orders import WarmJobConfiguration, folder_of, order
from dz.worker.scheduled import Scheduled
from dz.zoomdb.states import JobState

CHECK_SECONDS = 2.0
"""Seconds between two checks of the code and of the fork-server."""
logger = get_logger("warm_worker")
os.environ.pop("DZ_ANEW", None)
_FIRST_VERSION = code_version(PROJECT_ROOT)


class WarmWorker(ProcessWorker):
    """Runs flow runs as forked children, and polls at once when it is told of work."""

    type = "warm"
    job_configuration = WarmJobConfiguration
    _display_name = "Warm"
    _description = "Flow runs as subprocesses that are forked from a process with everything imported."
    _documentation_url = ""
    _logo_url = ""

    def __init__(
        self, work_pool_name: str, work_queues: list[str] | None = None, *, limit: int | None = None, **options: Any
    ) -> None:
        super().__init__(work_pool_name, work_queues, limit=limit, **options)
        self.pool, self.queues, self.limit = work_pool_name, set(work_queues or ()), limit
        self.taken: set[UUID] = set()
        """The runs that this worker has found, is starting or is running."""
        self.polled: float | None = None
        """When Prefect's server last answered whether there is work, by the monotonic clock."""
        self.on_first_poll: Callable[[], None] = lambda: None
        self._executions: Executions | None = None
        self._marking: WorkerClient | None = None
        self._resources = contextlib.AsyncExitStack()

    async def setup(self) -> None:
        """Warm up, and begin to listen for work."""
        await super().setup()
        hooks.report()
        self._servers = ForkServers()
        self._polling = asyncio.Lock()
        if hooks.present(labels):
            await self._resources.enter_async_context(labels.given_later(self))
        if hooks.present(executions):
            self._executions = await self._resources.enter_async_context(Executions(_may_end))
        self._scheduled = Scheduled(self._pool_id)
        self._listener = Listener(wiring.zoomdb(), self.pool, self.queues)
        self._side_tasks = [
            asyncio.create_task(task)
            for task in (
                self._keep_warm(),
                self._find_lost_runs(),
                self._poll_when(self._listener.told),
                self._poll_when(self._scheduled.told),
            )
        ]

    async def teardown(self, *exc_info: Any) -> None:
        """End the running flow runs, then the fork-server."""
        for task in getattr(self, "_side_tasks", ()):
            task.cancel()
        if self._executions:
            await self._executions.end_all()
        await self._resources.__aexit__(*exc_info)
        await super().teardown(*exc_info)
        if hasattr(self, "_servers"):
            await self._servers.close()

    @property
    def client(self) -> PrefectClient:
        """Prefect's client, for submissions."""
        if self._marking is None:
            self._marking = WorkerClient(super().client, taken_by(self.name), self.taken)
        return cast("PrefectClient", self._marking)

    def _pool_id(self) -> UUID | None:
        try:
            return self.work_pool.id
        except RuntimeError:  # Prefect's server has not answered yet
            return None

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Poll for work, one poll at a time."""
        async with self._polling:
            found = await super().get_and_submit_flow_runs()
            self.taken.update(run.id for run in found)
        first, self.polled = self.polled is None, time.monotonic()
        if first:
            self.on_first_poll()
        self._scheduled.seen(run.id for run in found)
        return found

    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,  # type: ignore[override]
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run a flow run to its end; Prefect's executor reports its state."""
        self.taken.add(flow_run.id)
        try:
            if self._executions:
                result = await self._run_warm(flow_run, configuration, task_status, self._executions)
            else:
                result = await super().run(flow_run, configuration, task_status)
        finally:
            self.taken.discard(flow_run.id)
        await asyncio.to_thread(wakeups.run_ended, wiring.zoomdb(), str(flow_run.id))
        with going_on(logging.getLogger("dz.worker"), f"noting the end of run {flow_run.name}"):
            state = await asyncio.to_thread(endings.run_is_gone, wiring.zoomdb(), str(flow_run.id))
            await self._follow_job(flow_run, state)
        if self.limit:
            # A run that the limit kept out waits for this one's slot, which is free in a moment.
            asyncio.get_running_loop().call_later(0.05, self._listener.tell)
        return result

    async def _follow_job(self, flow_run: FlowRun, job: JobState | None) -> None:
        """Have Prefect show of a run whose job was cancelled, or could not be any more, what the job says."""
        if job not in (JobState.CANCELLED, JobState.SUCCEEDED):
            return
        shown = (await self.client.read_flow_run(flow_run.id)).state
        if job == JobState.CANCELLED and shown and not shown.is_cancelled():
            ended: State[Any] = Cancelled(message="Its job was cancelled; `dz jobs` says by whom.")
            await self.client.set_flow_run_state(flow_run.id, ended, force=True)
        if job == JobState.SUCCEEDED and shown and (shown.is_cancelling() or shown.is_cancelled()):
            late: State[Any] = Completed(message="It was too late to cancel it: users see already what it has made.")
            await self.client.set_flow_run_state(flow_run.id, late, force=True)

    async def _run_warm(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None,
        shared: Executions,
    ) -> ProcessWorkerResult:
        with folder_of(configuration) as folder:
            variables = shared.variables(flow_run.id)
            try:
                process = await self._servers.fork(order(flow_run, configuration, folder, variables=variables))
            except ForkServerGoneError as error:
                logger.warning("%s The run %s starts cold, as by the process worker.", error, flow_run.name)
                shared.forget(flow_run.id)
                return await shared.start_cold(flow_run, configuration, folder, task_status)
            if task_status:
                task_status.started(process.pid)
            return await shared.follow(flow_run, process)

    async def _poll_when(self, told: Callable[[], AsyncIterator[None]]) -> None:
        async for _ in told():
            try:
                await self.get_and_submit_flow_runs()
            except Exception as error:  # noqa: BLE001 - Prefect's own loop asks again, and judges what it gets
                logger.warning("Prefect's server could not be asked for work: %s.", type(error).__name__)

    async def _keep_warm(self) -> None:
        """Replace a fork-server that has died or whose code has changed; when idle, restart with changed code, too."""
        version = _FIRST_VERSION
        while True:
            before, version = version, code_version(PROJECT_ROOT)
            # An edit or an installation writes many files; wait until nothing changes any more.
            if version == before:
                if version != _FIRST_VERSION:
                    async with self._polling:
                        if not self.taken:
                            await self._servers.close()
                            _begin_anew()
                with contextlib.suppress(ForkServerGoneError):
                    await self._servers.current()
            await asyncio.sleep(CHECK_SECONDS)

    async def _find_lost_runs(self) -> None:
        """Schedule again the runs that this worker's predecessor had taken but not started."""
        lost = LostRuns(self.pool, self.name)
        while True:
            try:
                await lost.send_again(self.client, self.taken)
            except Exception as error:  # noqa: BLE001 - the next look is not far
                logger.debug("Prefect's server could not be asked for lost runs: %r", error)
            await asyncio.sleep(lost_runs.SECONDS)


async def _may_end(flow_run: UUID) -> bool:
    """Cancel the job of a run that is cancelled in Prefect, and say whether its process may be killed."""
    by = f"{agreement.person()}, where its flow run was cancelled"
    return await asyncio.to_thread(endings.cancel_run, wiring.zoomdb(), str(flow_run), by=by)


def _begin_anew() -> None:
    """Execute this process again, as it was started, with the changed code."""
    logger.info("The code has changed and nothing runs: this worker begins anew.")
    logging.shutdown()
    at_start = Path("/proc/self/environ").read_bytes().rstrip(b"\0").split(b"\0")
    environment = dict(pair.split(b"=", 1) for pair in at_start if b"=" in pair)
    os.execve(sys.executable, sys.orig_argv, {**environment, b"DZ_ANEW": b"1"})  # noqa: S606 - as it was started
