"""The worker type `warm`: Prefect's process worker, except that flow runs are forked from a warm process.

`prefect worker start --pool build --type warm` starts it as well as `python -m dz.worker`. What it rests on of Prefect's
private modules is held by tests/integration/test_warm_worker.py, and Prefect's version is pinned.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import Abort, ObjectNotFound
from prefect.flows import load_flow_from_flow_run
from prefect.logging import get_logger
from prefect.states import Pending
from prefect.utilities.engine import propose_state
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

from dz import wiring
from dz.settings import PROJECT_ROOT
from dz.tasklib.messages import wakeups
from dz.worker import known, lost_runs
from dz.worker.code_version import code_version
from dz.worker.executions import Executions
from dz.worker.generations import ForkServerGoneError, ForkServers
from dz.worker.listening import Listener
from dz.worker.lost_runs import LostRuns, taken_by
from dz.worker.recent_reads import RecentReads
from dz.worker.scheduled import Scheduled
from dz.worker.starter import ForkStarter, WarmJobConfiguration, folder_of, followed

CHECK_SECONDS = 2.0
"""Between two looks at the code and at the fork-server."""
LABEL_SECONDS = 2.0
"""A run gets the labels of its worker after its first steps, which would otherwise wait for them."""
logger = get_logger("warm_worker")
os.environ.pop("DZ_ANEW", None)
_FIRST_VERSION = code_version(PROJECT_ROOT)


class WarmWorker(ProcessWorker):
    """Runs flow runs as forked children, and looks for them at once when it is told of work."""

    type = "warm"
    job_configuration = WarmJobConfiguration
    _display_name = "Warm"
    _description = "Flow runs as subprocesses that are forked from a process with everything imported."
    _documentation_url = ""
    _logo_url = ""
    _recent_reads: RecentReads | None = None

    async def setup(self) -> None:
        """Warm up, and begin to listen for work."""
        await super().setup()
        self._servers = ForkServers()
        self._polling = asyncio.Lock()
        self._known = known.Known(self._work_pool_name, set(self._work_queues))
        self._labelling: set[asyncio.Task[None]] = set()
        self._executions = await self._exit_stack.enter_async_context(Executions())
        self._scheduled = Scheduled(lambda: self._work_pool.id if self._work_pool else None)
        self._listener = Listener(wiring.zoomdb(), self._work_pool_name, set(self._work_queues))
        self._side_tasks = [
            asyncio.create_task(task)
            for task in (
                self._keep_warm(),
                self._find_lost_runs(),
                self._learn(),
                self._poll_when(self._listener.told),
                self._poll_when(self._scheduled.told),
            )
        ]

    async def teardown(self, *exc_info: Any) -> None:
        """End what runs, then the fork-server."""
        for task in (*getattr(self, "_side_tasks", ()), *getattr(self, "_labelling", ())):
            task.cancel()
        if hasattr(self, "_executions"):
            await self._executions.end_all()
        await super().teardown(*exc_info)
        if hasattr(self, "_servers"):
            await self._servers.close()

    @property
    def client(self) -> PrefectClient:
        """Prefect's client, for submissions."""
        if self._recent_reads is None:
            self._recent_reads = RecentReads(super().client)
        return cast("PrefectClient", self._recent_reads)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look for work; one look at a time."""
        async with self._polling:
            found = await super().get_and_submit_flow_runs()
        self._scheduled.seen(run.id for run in found)
        return found

    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,  # type: ignore[override]
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run a flow run to its end; its state is Prefect's executor's to report."""
        with folder_of(configuration) as folder:
            starter = ForkStarter(
                self._servers,
                configuration,
                self._executions.control_channel,
                folder=folder,
                facts=self._known.facts,
            )
            executor = self._executions.create_executor(
                flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
            )
            result = await followed(executor, task_status or anyio.TASK_STATUS_IGNORED)
        await asyncio.to_thread(wakeups.run_ended, wiring.zoomdb(), str(flow_run.id))
        if self._limiter:
            # A run that found no place waits for this one's, which is free in a moment.
            asyncio.get_running_loop().call_later(0.05, self._listener.tell)
        return result

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        """Take a run for this worker, and say so: if it dies before the run has begun, its successor knows."""
        try:
            state = await propose_state(self.client, Pending(message=taken_by(self.name)), flow_run_id=flow_run.id)
        except Abort:
            return False
        except Exception as error:  # noqa: BLE001 - it is found again by the next poll
            logger.warning("Flow run %s could not be taken (%s).", flow_run.name, type(error).__name__)
            return False
        flow_run.state = state
        return state.is_pending()

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        """Leave out a state that a run would be in for some milliseconds."""

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Label the run a little later."""
        task = asyncio.create_task(self._label(flow_run_id))
        self._labelling.add(task)
        task.add_done_callback(self._labelling.discard)

    async def _label(self, flow_run_id: UUID) -> None:
        await asyncio.sleep(LABEL_SECONDS)
        try:
            await super()._give_worker_labels_to_flow_run(flow_run_id)
        except Exception as error:  # noqa: BLE001 - a run does not depend on its labels
            logger.warning("Flow run %s has no labels of its worker (%s).", flow_run_id, type(error).__name__)

    async def _poll_when(self, told: Callable[[], AsyncIterator[set[str]]]) -> None:
        async for runs in told():
            try:
                if not await self._take(runs):
                    await self.get_and_submit_flow_runs()
            except Exception as error:  # noqa: BLE001 - Prefect's own loop asks again, and judges what it gets
                logger.warning("Prefect's server could not be asked for work: %s.", type(error).__name__)

    async def _take(self, runs: set[str]) -> bool:
        """Start the runs that messages name; False if that is not all there is to it, and work is to be looked for."""
        async with self._polling:
            try:
                found = [await self.client.read_flow_run(UUID(run)) for run in runs]
            except (ValueError, ObjectNotFound):
                return False
            if not found or not self._has_successfully_synced or not all(map(self._known.may_start, found)):
                return False
            self._scheduled.seen(run.id for run in found)
            await self._submit_scheduled_flow_runs(
                [
                    WorkerFlowRunResponse(
                        work_pool_id=self.work_pool.id, work_queue_id=run.work_queue_id or run.id, flow_run=run
                    )
                    for run in found
                ]
            )
        return True

    async def _keep_warm(self) -> None:
        """Replace a fork-server that has died or whose code has changed; this process, too, when it is idle."""
        version = _FIRST_VERSION
        while True:
            before, version = version, code_version(PROJECT_ROOT)
            # Who edits or installs writes many files; the last of them counts.
            if version == before:
                if version != _FIRST_VERSION:
                    async with self._polling:
                        if self._is_idle():
                            await self._servers.close()
                            _begin_anew()
                with contextlib.suppress(ForkServerGoneError):
                    await self._servers.current()
            await asyncio.sleep(CHECK_SECONDS)

    async def _learn(self) -> None:
        """Know for runs what they would ask Prefect's server for."""
        while True:
            try:
                await self._known.learn(self.client)
            except Exception as error:  # noqa: BLE001 - runs ask themselves then
                logger.debug("Prefect's server could not be asked for limits: %r", error)
            await asyncio.sleep(known.LEARN_SECONDS)

    async def _find_lost_runs(self) -> None:
        """Schedule runs anew that this worker's predecessor had taken and not started."""
        lost = LostRuns(self._work_pool_name, self.name)
        while True:
            ours = self._submitting_flow_run_ids | self._executions.process_manager.flow_run_ids()
            try:
                await lost.send_again(self.client, ours)
            except Exception as error:  # noqa: BLE001 - the next look is not far
                logger.debug("Prefect's server could not be asked for lost runs: %r", error)
            await asyncio.sleep(lost_runs.SECONDS)

    def _is_idle(self) -> bool:
        return not (self._submitting_flow_run_ids or self._executions.process_manager.flow_run_count())


def _begin_anew() -> None:
    """Become the worker of the changed code: the same process, as it was started."""
    logger.info("The code has changed and nothing runs: this worker begins anew.")
    logging.shutdown()
    at_start = Path("/proc/self/environ").read_bytes().rstrip(b"\0").split(b"\0")
    environment = dict(pair.split(b"=", 1) for pair in at_start if b"=" in pair)
    os.execve(sys.executable, sys.orig_argv, {**environment, b"DZ_ANEW": b"1"})  # noqa: S606 - as it was started
