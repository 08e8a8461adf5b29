"""What all flow runs of a worker share: one client, one watch for cancellations, one control channel."""

import contextlib
from collections.abc import Callable
from typing import Self
from uuid import UUID

import anyio
from prefect.logging import get_logger
from prefect.runner._cancellation_manager import CancellationManager
from prefect.runner._flow_run_executor import FlowRunExecutorContext

ATTEMPTS = 4
GRACE_SECONDS = 8.0
"""How long runs may take to end when their worker is stopped."""
logger = get_logger("warm_worker")


class PatientCancellation(CancellationManager):
    """Cancels again if Prefect's server does not answer; a failure never reaches other runs."""

    async def cancel_by_id(self, flow_run_id: UUID) -> None:
        """Cancel a run whose state says so."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await super().cancel_by_id(flow_run_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, other runs share this task group
                logger.warning("Flow run %s could not be cancelled (%s).", flow_run_id, type(error).__name__)
                await anyio.sleep(2**attempt)
            else:
                return


class Executions(FlowRunExecutorContext):
    """Prefect's context of one execution, kept for all: it costs 0.1 s to enter."""

    async def __aenter__(self) -> Self:
        """Enter, and make cancellation patient."""
        await super().__aenter__()
        self._cancellation_manager = PatientCancellation(
            process_manager=self.process_manager,
            hook_runner=self._hook_runner,
            state_proposer=self._state_proposer,
            event_emitter=self._event_emitter,
            client=self.client,
            control_channel=self.control_channel,
        )
        return self

    async def end_all(self) -> None:
        """End every run, all at once: by SIGTERM, then by SIGKILL."""
        manager = self.process_manager
        handles = [handle for run in manager.flow_run_ids() if (handle := manager.get(run))]
        for handle in handles:
            _end(handle.graceful_kill)
        with anyio.move_on_after(GRACE_SECONDS):
            while any(handle.is_alive() for handle in handles):  # noqa: ASYNC110 - the processes tell nobody
                await anyio.sleep(0.05)
        for handle in handles:
            _end(handle.hard_kill)


def _end(kill: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        kill()
