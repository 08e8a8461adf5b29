"""What a run need not ask Prefect's server for, since its worker knows it: eight requests of some twenty.

It fills two of Prefect's own caches, as the first of these requests would, and answers a third question. tests/integration/test_warm_worker.py shows
that events name the same objects and that a limit on a tag still holds.
"""

from typing import Any

import prefect.types._datetime
from prefect import results
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.concurrency import services
from prefect.events import related
from prefect.events.schemas.events import RelatedResource

from dz.settings import ROLES

LEARN_SECONDS = 15.0
"""Between two looks at limits and pauses: how long a new one is not in force for new runs."""


class _Object:
    """As much of an object of Prefect as events say of it."""

    def __init__(self, labels: dict[str, str], tags: list[str]) -> None:
        self._labels = labels
        self.tags = tags

    def as_related_resource(self, role: str) -> RelatedResource:
        """Return how events name it."""
        return RelatedResource({**self._labels, "prefect.resource.role": role})


class Known:
    """What holds for all runs of a pool: which tags have no limit, whether the server names a storage for results, and
    which queues are neither limited nor paused.

    Args:
        queues: those that the worker polls; none: all.
    """

    def __init__(self, pool: str, queues: set[str]) -> None:
        self.facts: dict[str, Any] = {"unlimited": [], "results_kept": True}
        self._pool, self._queues = pool, queues
        self._plain: set[str | None] = set()

    async def learn(self, client: PrefectClient) -> None:
        """Ask Prefect's server; what it does not answer is not known."""
        self.facts, self._plain = {"unlimited": [], "results_kept": True}, set()
        limits = await client.read_global_concurrency_limits(limit=200)
        if len(limits) < 200:
            limited = {limit.name for limit in limits}
            self.facts["unlimited"] = [tag for role in ROLES if (tag := f"tag:role:{role}") not in limited]
        storage = await client.read_server_default_result_storage()
        self.facts["results_kept"] = storage.default_result_storage_block_id is not None
        pool = await client.read_work_pool(self._pool)
        if not pool.is_paused and pool.concurrency_limit is None:
            queues = await client.read_work_queues(work_pool_name=self._pool)
            self._plain = {one.name for one in queues if not one.is_paused and one.concurrency_limit is None}

    def may_start(self, run: FlowRun) -> bool:
        """Say whether a run waits for this worker and no limit, pause or later time can hold it up."""
        due = run.state.state_details.scheduled_time if run.state else None
        return bool(
            run.work_pool_name == self._pool
            and run.work_queue_name in self._plain
            and (not self._queues or run.work_queue_name in self._queues)
            and run.state
            and run.state.is_scheduled()
            and (due is None or due <= prefect.types._datetime.now("UTC"))  # noqa: SLF001
        )


def objects_of(flow_run: FlowRun, deployment: Any, flow: Any, work_pool: Any) -> dict[str, Any]:
    """Return what events of a run say of the objects around it, as JSON, by Prefect's keys."""
    found = {}
    if deployment:
        found[f"deployment.{deployment.id}"] = _described("deployment", deployment)
    if flow:
        found[f"flow.{flow.id}"] = _described("flow", flow)
    if work_pool:
        found[f"work-pool.{work_pool.name}"] = _described("work-pool", work_pool)
    if flow_run.work_queue_id and flow_run.work_queue_name:
        labels = _labels("work-queue", flow_run.work_queue_id, flow_run.work_queue_name)
        found[f"work-queue.{flow_run.work_queue_id}"] = {"labels": labels, "tags": []}
    return found


def _described(kind: str, found: Any) -> dict[str, Any]:
    resource = related.object_as_related_resource(kind, kind, found)
    return {"labels": dict(resource.root), "tags": list(getattr(found, "tags", None) or [])}


def _labels(kind: str, number: object, name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"prefect.{kind}.{number}", "prefect.resource.name": name}


def remember(objects: dict[str, Any], *, unlimited: list[str], results_kept: bool) -> None:
    """Fill Prefect's caches in this process.

    Args:
        objects: what `objects_of` returned.
        unlimited: tags without a limit, each the only one of its tasks.
        results_kept: Prefect's server may name a storage for the results of flows that name none.
    """
    now = prefect.types._datetime.now("UTC")  # noqa: SLF001
    for key, known in objects.items():
        kind = key.partition(".")[0]
        related.RESOURCE_CACHE[key] = ({"kind": kind, "object": _Object(**known)}, now)  # type: ignore[assignment,dict-item]
    for tag in unlimited:
        services._no_limits_cache[frozenset([tag])] = True  # noqa: SLF001
    if not results_kept:
        results._read_server_default_result_storage_block_id = lambda: None  # noqa: SLF001
