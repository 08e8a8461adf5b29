"""What all flow runs of a worker share: one client, one watch for cancellations, one control channel."""

from typing import Self
from uuid import UUID

import anyio
from prefect.logging import get_logger
from prefect.runner._cancellation_manager import CancellationManager
from prefect.runner._flow_run_executor import FlowRunExecutorContext

ATTEMPTS = 4
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
