"""What a run tells Prefect's server of itself when it begins, its name for one: said a moment later, or when it ends.

Prefect sends it in two requests, and a run waits for both before its first step though it needs no answer.
"""

import contextlib
import os
import threading
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient

SECONDS = 0.4
"""After which a run's description is sent; a shorter run sends it when it ends."""


class Description:
    """What the run of this process has said of itself and not sent yet."""

    def __init__(self) -> None:
        self._update = SyncPrefectClient.update_flow_run
        self._lock = threading.Lock()
        self._fields: dict[str, Any] = {}
        self._client: SyncPrefectClient | None = None

    def put_off(self) -> None:
        """Have Prefect's clients put it off from now on, but not of a run that Prefect's server may have to repeat."""

        def update(client: SyncPrefectClient, flow_run_id: UUID, **fields: Any) -> httpx.Response | None:
            policy = fields.get("empirical_policy")
            if str(flow_run_id) != os.environ.get("PREFECT__FLOW_RUN_ID") or (policy and policy.retries):
                return self._update(client, flow_run_id, **fields)
            self._keep(client, fields)
            return None

        def set_name(client: SyncPrefectClient, flow_run_id: UUID, name: str) -> httpx.Response | None:
            return update(client, flow_run_id, name=name)

        SyncPrefectClient.update_flow_run = update  # type: ignore[method-assign,assignment]
        SyncPrefectClient.set_flow_run_name = set_name  # type: ignore[method-assign,assignment]

    def send(self) -> None:
        """Send what is left to say; a run does not depend on it."""
        with self._lock, contextlib.suppress(httpx.HTTPError, RuntimeError):
            client, fields, self._client, self._fields = self._client, self._fields, None, {}
            if client:
                self._update(client, UUID(os.environ["PREFECT__FLOW_RUN_ID"]), **fields)

    def _keep(self, client: SyncPrefectClient, fields: dict[str, Any]) -> None:
        with self._lock:
            first = self._client is None
            self._client = client
            self._fields |= fields
        if first:
            timer = threading.Timer(SECONDS, self.send)
            timer.daemon = True
            timer.start()
