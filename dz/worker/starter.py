"""Starts one flow run as a child of the fork-server, with what the process worker would give to a fresh process."""

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger
from prefect.runner._control_channel import ControlChannel
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutor
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.settings import get_current_settings
from prefect.utilities.processutils import sanitize_subprocess_env
from prefect.workers.process import ProcessJobConfiguration, ProcessWorkerResult
from pydantic import PrivateAttr

from dz.worker import known
from dz.worker.generations import FlowProcess, ForkServerGoneError, ForkServers

logger = get_logger("warm_worker")


@functools.cache
def _settings() -> dict[str, str]:
    """Return Prefect's settings of this process, which do not change, as variables; it takes 15 ms."""
    return get_current_settings().to_environment_variables(exclude_unset=True)


class WarmJobConfiguration(ProcessJobConfiguration):
    """The configuration of one run."""

    _entrypoint: str | None = PrivateAttr(default=None)
    _objects: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def _base_environment(cls) -> dict[str, str]:
        return dict(_settings())

    @property
    def entrypoint(self) -> str | None:
        """Where the flow is, if it lies in the working directory: the run need not ask Prefect then."""
        return self._entrypoint

    @property
    def objects(self) -> dict[str, Any]:
        """What is known of the objects around the run."""
        return self._objects

    def prepare_for_flow_run(  # type: ignore[override]
        self, flow_run: FlowRun, deployment: Any = None, flow: Any = None, work_pool: Any = None, **kwargs: Any
    ) -> None:
        """Fill in what only the flow run and its deployment tell."""
        super().prepare_for_flow_run(flow_run, deployment, flow, work_pool, **kwargs)
        self._objects = known.objects_of(flow_run, deployment, flow, work_pool)
        here = self.working_dir
        fetched = deployment is None or deployment.pull_steps or deployment.storage_document_id
        if here and not fetched and (here / (deployment.path or ".")).resolve() == here.resolve():
            self._entrypoint = deployment.entrypoint


class ForkStarter:
    """Starts one flow run as a child of the fork-server, or as the process worker does if there is none."""

    def __init__(
        self,
        servers: ForkServers,
        configuration: WarmJobConfiguration,
        channel: ControlChannel,
        *,
        folder: Path,
        facts: dict[str, Any],
    ) -> None:
        self._servers = servers
        self._configuration = configuration
        self._channel = channel
        self._folder = folder
        self._facts = facts

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
            **_settings(),
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
            "flow_run": flow_run.model_dump_json(),
            "objects": self._configuration.objects,
            "facts": self._facts,
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


def _handle(process: FlowProcess) -> ProcessHandle:
    return ProcessHandle(process, termination_scope=create_isolated_termination_scope(process.pid))  # type: ignore[arg-type]


def folder_of(configuration: WarmJobConfiguration) -> contextlib.AbstractContextManager[Path]:
    """Return the folder that a run works in: the one that the pool names, or one for the time of the run."""
    if configuration.working_dir:
        return contextlib.nullcontext(Path(configuration.working_dir).resolve())
    return _temporary_folder()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(suffix="prefect") as folder:
        yield Path(folder)


async def followed(executor: FlowRunExecutor, task_status: anyio.abc.TaskStatus[int]) -> ProcessWorkerResult:
    """Follow a run from its process's start to its end."""
    results: list[FlowRunExecutionResult | None] = []

    async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED) -> None:
        results.append(await executor.submit(task_status=task_status))

    async with anyio.create_task_group() as group:
        handle = await group.start(execute)
        task_status.started(handle.pid)
    if not results or results[0] is None or results[0].status_code is None:
        raise RuntimeError("The process of the flow run could not be started.")
    return ProcessWorkerResult(status_code=results[0].status_code, identifier=str(handle.pid))
