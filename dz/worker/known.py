"""What a run need not ask Prefect's server for, since its worker knows it: six requests of some twenty.

It fills two of Prefect's own caches, as the first of these requests would. tests/integration/test_warm_worker.py shows
that events name the same objects and that a limit on a tag still holds.
"""

from typing import Any

import prefect.types._datetime
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.concurrency import services
from prefect.events import related
from prefect.events.schemas.events import RelatedResource

LIMITS_SECONDS = 15.0
"""Between two looks for limits on tags; a new one is in force after that and the 5 s of Prefect's own cache."""


class _Object:
    """As much of an object of Prefect as events say of it."""

    def __init__(self, labels: dict[str, str], tags: list[str]) -> None:
        self._labels = labels
        self.tags = tags

    def as_related_resource(self, role: str) -> RelatedResource:
        """Return how events name it."""
        return RelatedResource({**self._labels, "prefect.resource.role": role})


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


async def limited_tags(client: PrefectClient) -> set[str] | None:
    """Return the tags that have a limit; None: there may be more than were looked at."""
    found = await client.read_global_concurrency_limits(limit=200)
    return {limit.name for limit in found if limit.name.startswith("tag:")} if len(found) < 200 else None


def remember(objects: dict[str, Any], unlimited: list[str]) -> None:
    """Fill Prefect's caches in this process.

    Args:
        objects: what `objects_of` returned.
        unlimited: tags without a limit, each the only one of its tasks.
    """
    now = prefect.types._datetime.now("UTC")  # noqa: SLF001
    for key, known in objects.items():
        kind = key.partition(".")[0]
        related.RESOURCE_CACHE[key] = ({"kind": kind, "object": _Object(**known)}, now)  # type: ignore[assignment,dict-item]
    for tag in unlimited:
        services._no_limits_cache[frozenset([tag])] = True  # noqa: SLF001
