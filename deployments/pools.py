"""Work pools and work queues, one pool per role."""

import json
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from dz.settings import PROJECT_ROOT, ROLES, Role

QUEUES: dict[Role, tuple[str, ...]] = {
    "build": ("all", "check"),
    "database": ("all",),
    "appserver": ("all",),
    "proxy": ("all",),
}
"""Queues that exist from the start; a worker adds the one of its server."""
POOL_TYPE = "process"


def ensure_pools(client: SyncPrefectClient, *, checkout: Path = PROJECT_ROOT) -> list[str]:
    """Create or update the pool and queues of every role, and say what changed."""
    changes: list[str] = []
    for role in ROLES:
        changes += _ensure_pool(client, role, _template(role, checkout))
        changes += [f"queue {role}/{name} created" for name in QUEUES[role] if ensure_queue(client, role, name)]
    return changes


def ensure_queue(client: SyncPrefectClient, role: Role, name: str) -> bool:
    """Create a queue of a role's pool if it is missing, and say whether it was."""
    queues = client.request(
        "POST", "/work_pools/{work_pool_name}/queues/filter", path_params={"work_pool_name": role}, json={}
    ).json()
    if any(queue["name"] == name for queue in queues):
        return False
    client.request(
        "POST", "/work_pools/{work_pool_name}/queues", path_params={"work_pool_name": role}, json={"name": name}
    )
    return True


def _template(role: Role, checkout: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((PROJECT_ROOT / "work_pools" / f"{role}.json").read_text())
    template["variables"]["properties"]["working_dir"]["default"] = str(checkout)
    return template


def _ensure_pool(client: SyncPrefectClient, role: Role, template: dict[str, Any]) -> list[str]:
    try:
        pool = client.read_work_pool(role)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=role, type=POOL_TYPE, base_job_template=template))
        return [f"pool {role} created"]
    if pool.base_job_template == template:
        return []
    client.update_work_pool(role, WorkPoolUpdate(base_job_template=template))
    return [f"pool {role} updated"]
