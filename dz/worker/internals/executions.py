"""Prefect's executor of flow runs: it follows a run's process, reports a crash, and cancels the run on request.

Prefect's process worker enters an executor context for each run; ours enters one for all of its runs. That saves 70 ms
of each run (110 ms of processor time, half of it of Prefect's server) on two cores. A code-only deploy has three runs,
two of which begin beside other work. Without this hook, runs start cold, as by the process worker, which takes seconds.
"""

import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_flow_run
from prefect.logging import get_logger
from prefect.workers.process import ProcessJobConfiguration, ProcessWorkerResult

from dz.worker.internals.names import Name

with contextlib.suppress(ImportError):
    from prefect.runner._flow_run_executor import FlowRunExecutorContext
    from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
    from prefect.runner._starter_engine import EngineCommandStarter

_EXECUTOR, _PROCESSES = "prefect.runner._flow_run_executor", "prefect.runner._process_manager"
_CHANNEL = "prefect.runner._control_channel:ControlChannel"
NAMES = (
    Name(
        f"{_EXECUTOR}:FlowRunExecutorContext.__aenter__",
        mentions=("control_channel", "process_manager", "_cancellation_manager", "cancel_by_id"),
    ),
    Name(
        f"{_EXECUTOR}:FlowRunExecutorContext.create_executor",
        takes=("flow_run", "starter", "resolve_flow", "propose_submitting"),
    ),
    Name(f"{_EXECUTOR}:FlowRunExecutor.submit", takes=("task_status",)),
    Name(f"{_EXECUTOR}:ProcessStarter.start", takes=("flow_run", "task_status")),
    Name(f"{_EXECUTOR}:FlowRunExecutionResult", takes=("status_code",)),
    Name(
        "prefect.runner._starter_engine:EngineCommandStarter",
        takes=("command", "cwd", "env", "stream_output", "control_channel", "isolate_process_group"),
    ),
    Name("prefect.runner._cancellation_manager:CancellationManager.cancel_by_id", takes=("flow_run_id",)),
    Name(f"{_CHANNEL}.register", takes=("flow_run_id",)),
    Name(f"{_CHANNEL}.unregister", takes=("flow_run_id",)),
    Name(f"{_PROCESSES}:ProcessManager.flow_run_ids"),
    Name(f"{_PROCESSES}:ProcessManager.get", takes=("flow_run_id",)),
    Name(f"{_PROCESSES}:ProcessHandle", takes=("_process", "termination_scope")),
    Name(f"{_PROCESSES}:ProcessHandle.is_alive"),
    Name(f"{_PROCESSES}:ProcessHandle.graceful_kill"),
    Name(f"{_PROCESSES}:ProcessHandle.hard_kill"),
    Name(f"{_PROCESSES}:create_isolated_termination_scope", takes=("pid",)),
    Name(
        "prefect._internal.control_listener:configure_from_env",
        mentions=("PREFECT__CONTROL_PORT", "PREFECT__CONTROL_TOKEN"),
    ),
    Name(
        "prefect.flow_engine:BaseFlowRunEngine._engine_owns_cancellation_handling",
        mentions=("PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS",),
    ),
)
ATTEMPTS = 4
GRACE_SECONDS = 8.0
"""How long runs may take to end when their worker is stopped."""
logger = get_logger("warm_worker")
_Cancel = Callable[[UUID], Coroutine[Any, Any, None]]


class Process(Protocol):
    """The process of a flow run, which leads a process group of its own."""

    pid: int
    returncode: int | None

    async def wait(self) -> None:
        """Wait until it has ended."""


class Executions:
    """What all flow runs of a worker share: one client, one watch for cancellations, one control channel.

    Args:
        may_end: told of each run that somebody cancels; says whether it may be ended.
    """

    def __init__(self, may_end: Callable[[UUID], Coroutine[Any, Any, bool]]) -> None:
        self._may_end = may_end

    async def __aenter__(self) -> Self:
        """Connect to Prefect's server, and make cancellation patient."""
        self._context = FlowRunExecutorContext()
        await self._context.__aenter__()
        manager = self._context._cancellation_manager  # noqa: SLF001 - this room is for it
        manager.cancel_by_id = _patiently(manager.cancel_by_id, self._may_end)  # type: ignore[method-assign,assignment]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching, and disconnect."""
        await self._context.__aexit__(kind, error, trace)

    def variables(self, flow_run: UUID) -> dict[str, str]:
        """Return the variables that tell a process its run, and let it tell a cancellation from a mere kill."""
        found = {"PREFECT__FLOW_RUN_ID": str(flow_run), "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false"}
        # Where Prefect's channel could not be opened, cancellation kills the process without telling it.
        with contextlib.suppress(RuntimeError):
            port, token = self._context.control_channel.register(flow_run)
            found |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        return found

    def forget(self, flow_run: UUID) -> None:
        """Forget a run that got variables but no process."""
        self._context.control_channel.unregister(flow_run)

    async def follow(self, flow_run: FlowRun, process: Process) -> ProcessWorkerResult:
        """Follow a run until its process ends; Prefect's executor reports the end if the run itself does not."""
        handle = ProcessHandle(process, termination_scope=create_isolated_termination_scope(process.pid))  # type: ignore[arg-type]
        return await self._followed(flow_run, _Started(handle, process), None)

    async def start_cold(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        folder: Path,
        task_status: anyio.abc.TaskStatus[int] | None,
    ) -> ProcessWorkerResult:
        """Start a run in a fresh process, as the process worker does but in a group of its own, and follow it."""
        starter = EngineCommandStarter(
            command=configuration.command,
            cwd=folder,
            env=configuration.env,
            stream_output=configuration.stream_output,
            control_channel=self._context.control_channel,
            isolate_process_group=True,
        )
        return await self._followed(flow_run, starter, task_status)

    async def _followed(
        self, flow_run: FlowRun, starter: Any, told: anyio.abc.TaskStatus[int] | None
    ) -> ProcessWorkerResult:
        executor = self._context.create_executor(
            flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
        )
        results: list[Any] = []

        async def submit(*, task_status: "anyio.abc.TaskStatus[ProcessHandle]" = anyio.TASK_STATUS_IGNORED) -> None:
            results.append(await executor.submit(task_status=task_status))

        async with anyio.create_task_group() as group:
            handle = await group.start(submit)
            if told:
                told.started(handle.pid)
        if not results or results[0] is None or results[0].status_code is None:
            raise RuntimeError("The process of the flow run could not be started.")
        return ProcessWorkerResult(status_code=results[0].status_code, identifier=str(handle.pid))

    async def end_all(self) -> None:
        """End every run, all at once: by SIGTERM, then by SIGKILL."""
        manager = self._context.process_manager
        handles = [handle for run in manager.flow_run_ids() if (handle := manager.get(run))]
        for handle in handles:
            _end(handle.graceful_kill)
        with anyio.move_on_after(GRACE_SECONDS):
            while any(handle.is_alive() for handle in handles):  # noqa: ASYNC110 - the processes tell nobody
                await anyio.sleep(0.05)
        for handle in handles:
            _end(handle.hard_kill)


class _Started:
    """Gives Prefect's executor a process that already runs."""

    def __init__(self, handle: "ProcessHandle", process: Process) -> None:
        self._handle, self._process = handle, process

    async def start(
        self, flow_run: FlowRun, task_status: "anyio.abc.TaskStatus[ProcessHandle]" = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Hand the process over, and return when it has ended."""
        task_status.started(self._handle)
        await self._process.wait()


def _patiently(cancel: _Cancel, may_end: Callable[[UUID], Coroutine[Any, Any, bool]]) -> _Cancel:
    """Cancel again if Prefect's server does not answer; a failure never reaches the other runs of this task group."""

    async def cancel_by_id(flow_run_id: UUID) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if await may_end(flow_run_id):
                    await cancel(flow_run_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, other runs share this task group
                logger.warning("Flow run %s could not be cancelled (%s).", flow_run_id, type(error).__name__)
                await anyio.sleep(2**attempt)
            else:
                return

    return cancel_by_id


def _end(kill: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        kill()
