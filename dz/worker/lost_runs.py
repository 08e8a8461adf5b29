"""Finds runs that a worker of this name had taken when it was killed, before it could start them."""

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.logging import get_logger
from prefect.states import Scheduled

SECONDS = 15.0
"""Seconds between two checks; a run that is pending and not ours in two of them in a row is lost."""
logger = get_logger("warm_worker")


def taken_by(worker: str) -> str:
    """Return the message on the Pending state of a run that a worker has taken."""
    return f"Taken by the worker {worker}."


class LostRuns:
    """Runs of one pool that no process will ever start."""

    def __init__(self, pool: str, worker: str) -> None:
        self._pool, self._message = pool, taken_by(worker)
        self._suspects: set[UUID] = set()

    async def send_again(self, client: PrefectClient, ours: set[UUID]) -> None:
        """Schedule lost runs again.

        Args:
            ours: the runs that this worker is starting or runs.
        """
        pending = await client.read_flow_runs(
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))
            ),
        )
        missing = {run.id: run for run in pending if self._was_taken(run) and run.id not in ours}
        for run in missing.values():
            if run.id in self._suspects:
                logger.warning("Flow run %s was taken by a worker that died; it is scheduled again.", run.name)
                await client.set_flow_run_state(run.id, Scheduled(message="Its worker died before it began."))
        self._suspects = set(missing)

    def _was_taken(self, run: FlowRun) -> bool:
        # A run with a pid was started: its process may be about to report in, and Prefect learns when it ends.
        return bool(run.state and run.state.message == self._message and not run.infrastructure_pid)
