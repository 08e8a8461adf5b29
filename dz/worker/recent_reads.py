"""Prefect's client, except that one submission does not read the same deployment three times."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient

DEPLOYMENT_SECONDS = 1.0
"""How long a deployment counts as just read; a rollout is in force after that."""
FLOW_SECONDS = 600.0
"""How long a flow does: it is an id and a name."""


class RecentReads:
    """Passes everything on to `client`, and remembers deployments and flows for a while."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._known: dict[UUID, tuple[float, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def read_deployment(self, deployment_id: UUID) -> Any:
        """Return a deployment."""
        return await self._read(self._client.read_deployment, deployment_id, DEPLOYMENT_SECONDS)

    async def read_flow(self, flow_id: UUID) -> Any:
        """Return a flow."""
        return await self._read(self._client.read_flow, flow_id, FLOW_SECONDS)

    async def _read(self, read: Callable[[UUID], Awaitable[Any]], number: UUID, seconds: float) -> Any:
        known = self._known.get(number)
        if known and time.monotonic() - known[0] < seconds:
            # A reader may change what it gets.
            return known[1].model_copy(deep=True)
        found = await read(number)
        self._known = {key: one for key, one in self._known.items() if time.monotonic() - one[0] < FLOW_SECONDS}
        self._known[number] = (time.monotonic(), found.model_copy(deep=True))
        return found
