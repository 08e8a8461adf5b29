"""Lets events name the objects around a run without asking Prefect's server for them.

The worker has just read flow, deployment and pool, so it fills the cache that the first event of a run would fill.
This saves four requests of each run: 40 ms of processor time, of which a code-only deploy pays three times.
"""

from datetime import UTC, datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.events import related
from prefect.events.schemas.events import RelatedResource

from dz.worker.internals.names import Name

NAMES = (
    Name("prefect.events.related:RESOURCE_CACHE"),
    Name("prefect.events.related:related_resources_from_run_context", mentions=("RESOURCE_CACHE",)),
    Name("prefect.events.related:_get_and_cache_related_object", takes=("kind", "obj_id", "cache")),
    Name(
        "prefect.events.related:object_as_related_resource",
        takes=("kind", "role", "object"),
        mentions=("as_related_resource",),
    ),
)


def around(flow_run: FlowRun, deployment: Any, flow: Any, work_pool: Any) -> dict[str, Any]:
    """Return what events of a run say of the objects around it, as JSON, by the keys of Prefect's cache."""
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


def remember(objects: dict[str, Any]) -> None:
    """Fill the cache of this process with what `around` returned."""
    now = datetime.now(UTC)
    for key, known in objects.items():
        kind = key.partition(".")[0]
        related.RESOURCE_CACHE[key] = ({"kind": kind, "object": _Known(**known)}, now)  # type: ignore[assignment,dict-item]


class _Known:
    """The part of one of Prefect's objects that events mention."""

    def __init__(self, labels: dict[str, str], tags: list[str]) -> None:
        self._labels = labels
        self.tags = tags

    def as_related_resource(self, role: str) -> RelatedResource:
        """Return the object as events name it."""
        return RelatedResource({**self._labels, "prefect.resource.role": role})
