"""The worker type `warm`: Prefect's process worker, except that flow runs are forked from a warm process.

`prefect worker start --pool build --type warm` starts it as well as `python -m dz.worker`. What it rests on of Prefect's
private modules is held by tests/integration/test_warm_worker.py, and Prefect's version is pinned.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_flow_run
from prefect.logging import get_logger
from prefect.runner._control_channel import ControlChannel
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.settings import get_current_settings
from prefect.utilities.processutils import sanitize_subprocess_env
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult
from pydantic import PrivateAttr

from dz import wiring
from dz.settings import PROJECT_ROOT
from dz.tasklib import wakeups
from dz.worker.executions import Executions
from dz.worker.generations import FlowProcess, ForkServerGoneError, ForkServers
from dz.worker.listening import Listener
from dz.worker.recent_reads import RecentReads

logger = get_logger("warm_worker")


class WarmJobConfiguration(ProcessJobConfiguration):
    """The configuration of one run."""

    _entrypoint: str | None = PrivateAttr(default=None)

    @property
    def entrypoint(self) -> str | None:
        """Where the flow is, if it lies in the working directory: the run need not ask Prefect then."""
        return self._entrypoint

    def prepare_for_flow_run(self, flow_run: FlowRun, deployment: Any = None, *args: Any, **kwargs: Any) -> None:
        """Fill in what only the flow run and its deployment tell."""
        super().prepare_for_flow_run(flow_run, deployment, *args, **kwargs)
        if deployment and deployment.path in (None, "", ".") and not deployment.pull_steps:
            self._entrypoint = None if deployment.storage_document_id else deployment.entrypoint


class ForkStarter:
    """Starts one flow run as a child of the fork-server, or as the process worker does if there is none."""

    def __init__(self, servers: ForkServers, configuration: WarmJobConfiguration, channel: ControlChannel) -> None:
        self._servers = servers
        self._configuration = configuration
        self._channel = channel
        self._folder = Path(configuration.working_dir or PROJECT_ROOT).resolve()

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Start the run, report its process, and return when it has ended."""
        try:
            process = await self._servers.fork(self._order(flow_run))
        except ForkServerGoneError as error:
            logger.warning("%s The run %s starts cold, as by the process worker.", error, flow_run.name)
            self._channel.unregister(flow_run.id)
            await self._start_cold(flow_run, task_status)
            return
        task_status.started(_handle(process))
        await process.wait()

    def _order(self, flow_run: FlowRun) -> dict[str, Any]:
        """Return what the process worker would give to a fresh process; what is one run's own stands apart."""
        found = {
            **os.environ,
            **self._configuration.env,
            **get_current_settings().to_environment_variables(exclude_unset=True),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
            # This worker has compared versions itself.
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__FLOW_ENTRYPOINT": self._configuration.entrypoint,
        }
        # Where Prefect's own channel could not be opened, cancellation kills without a word.
        with contextlib.suppress(RuntimeError):
            port, token = self._channel.register(flow_run.id)
            found |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        all_variables = sanitize_subprocess_env(found)
        own = {name: value for name, value in all_variables.items() if name.startswith("PREFECT__")}
        return {
            "run": str(flow_run.id),
            "folder": str(self._folder),
            "shown": self._configuration.stream_output,
            "environment": {name: value for name, value in all_variables.items() if name not in own},
            "own": own,
        }

    async def _start_cold(self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
        starter = EngineCommandStarter(
            command=self._configuration.command,
            cwd=self._folder,
            env=self._configuration.env,
            stream_output=self._configuration.stream_output,
            control_channel=self._channel,
            isolate_process_group=True,
        )
        await starter.start(flow_run, task_status=task_status)


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
        self._labelling: set[asyncio.Task[None]] = set()
        self._executions: FlowRunExecutorContext = await self._exit_stack.enter_async_context(Executions())
        self._listener = Listener(wiring.zoomdb(), self._work_pool_name, set(self._work_queues))
        self._side_tasks = [asyncio.create_task(self._keep_warm()), asyncio.create_task(self._poll_when_told())]

    async def teardown(self, *exc_info: Any) -> None:
        """End what runs, then the fork-server."""
        for task in getattr(self, "_side_tasks", ()):
            task.cancel()
        await super().teardown(*exc_info)
        self._servers.retire()

    @property
    def client(self) -> PrefectClient:
        """Prefect's client, for submissions."""
        if self._recent_reads is None:
            self._recent_reads = RecentReads(super().client)
        return cast("PrefectClient", self._recent_reads)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look for work; one look at a time."""
        async with self._polling:
            return await super().get_and_submit_flow_runs()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,  # type: ignore[override]
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run a flow run to its end; its state is Prefect's executor's to report."""
        starter = ForkStarter(self._servers, configuration, self._executions.control_channel)
        executor = self._executions.create_executor(
            flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
        )
        results: list[Any] = []

        async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED) -> None:
            results.append(await executor.submit(task_status=task_status))

        async with anyio.create_task_group() as group:
            handle = await group.start(execute)
            (task_status or anyio.TASK_STATUS_IGNORED).started(handle.pid)
        await asyncio.to_thread(wakeups.run_ended, wiring.zoomdb(), str(flow_run.id))
        if not results or results[0] is None or results[0].status_code is None:
            raise RuntimeError("The process of the flow run could not be started.")
        return ProcessWorkerResult(status_code=results[0].status_code, identifier=str(handle.pid))

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        """Leave out a state that a run would be in for some milliseconds."""

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Label the run while it starts."""
        task = asyncio.create_task(self._label(flow_run_id))
        self._labelling.add(task)
        task.add_done_callback(self._labelling.discard)

    async def _label(self, flow_run_id: UUID) -> None:
        try:
            await super()._give_worker_labels_to_flow_run(flow_run_id)
        except Exception as error:  # noqa: BLE001 - a run does not depend on its labels
            logger.warning("Flow run %s has no labels of its worker (%s).", flow_run_id, type(error).__name__)

    async def _keep_warm(self) -> None:
        """Replace a fork-server that has died or whose code has changed, before a run asks for it."""
        while True:
            with contextlib.suppress(ForkServerGoneError):
                await self._servers.current()
            await asyncio.sleep(2)

    async def _poll_when_told(self) -> None:
        async for _ in self._listener.told():
            try:
                await self.get_and_submit_flow_runs()
            except Exception as error:  # noqa: BLE001 - Prefect's own loop asks again, and judges what it gets
                logger.warning("Prefect's server could not be asked for work: %s.", type(error).__name__)


def _handle(process: FlowProcess) -> ProcessHandle:
    return ProcessHandle(process, termination_scope=create_isolated_termination_scope(process.pid))  # type: ignore[arg-type]
