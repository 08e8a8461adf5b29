"""Work pools and work queues, one pool per role."""

import json
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from dz.settings import PROJECT_ROOT, ROLES, Role, settings

QUEUES: dict[Role, tuple[str, ...]] = {
    "build": ("all", "check", "default"),
    "database": ("all", "default"),
    "appserver": ("all", "default"),
    "proxy": ("all", "default"),
}
"""Queues that exist from the start; a worker adds the one of its server.

Prefect gives every pool the queue `default`; nothing of ours is sent to it, but a queue that no worker polls looks ill.
"""
_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]


def ensure_pools(client: SyncPrefectClient, *, checkout: Path = PROJECT_ROOT) -> list[str]:
    """Create or update the pool and queues of every role, and say what changed."""
    changes, template = list[str](), _template(checkout)
    for role in ROLES:
        changes += _ensure_pool(client, role, template)
        changes += [f"queue {role}/{name} created" for name in QUEUES[role] if ensure_queue(client, role, name)]
    return changes


def ensure_queue(client: SyncPrefectClient, role: Role, name: str) -> bool:
    """Create a queue of a role's pool if it is missing, and say whether it was."""
    if name in _queues(client, role):
        return False
    client.request(
        "POST", "/work_pools/{work_pool_name}/queues", path_params={"work_pool_name": role}, json={"name": name}
    )
    return True


def _queues(client: SyncPrefectClient, role: Role) -> list[str]:
    queues = client.request(
        "POST", "/work_pools/{work_pool_name}/queues/filter", path_params={"work_pool_name": role}, json={}
    ).json()
    return [queue["name"] for queue in queues]


def _template(checkout: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((PROJECT_ROOT / "work_pools" / "base_job_template.json").read_text())
    template["variables"]["properties"]["working_dir"]["default"] = str(checkout)
    return template


def _ensure_pool(client: SyncPrefectClient, role: Role, template: dict[str, Any]) -> list[str]:
    wanted = settings().worker_type
    try:
        pool = client.read_work_pool(role)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=role, type=wanted, base_job_template=template))
        return [f"pool {role} created"]
    if pool.type != wanted:
        return _change_type(client, role, wanted, template)
    if pool.base_job_template == template:
        return []
    client.update_work_pool(role, WorkPoolUpdate(base_job_template=template))
    return [f"pool {role} updated"]


def _change_type(client: SyncPrefectClient, role: Role, wanted: str, template: dict[str, Any]) -> list[str]:
    """Recreate a pool, which is how to change its type in Prefect, unless runs would lose their queue by that.

    Workers serve a pool of another type as well; only Prefect's UI shows the difference.
    """
    under_way = client.read_flow_runs(
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[role])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(not_any_=_ENDED))),
        limit=1,
    )
    if under_way:
        return [f"pool {role} keeps its type: it has work; run the rollout again later"]
    queues = _queues(client, role)
    client.delete_work_pool(role)
    client.create_work_pool(WorkPoolCreate(name=role, type=wanted, base_job_template=template))
    for queue in queues:
        ensure_queue(client, role, queue)
    return [f"pool {role} has the type {wanted} now"]
