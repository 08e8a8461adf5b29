"""Tasks whose tags have no concurrency limit ask nobody for a place.

Prefect asks its server before each task, and believes for 5 s that a set of tags has no limit. The worker knows which
tags of ours have none, and says so to its runs, which then ask for none. This saves NN ms of a code-only deploy on
two cores.
"""

from cachetools import TTLCache
from prefect.client.orchestration import PrefectClient
from prefect.concurrency import services

from dz.settings import ROLES
from dz.worker.internals.names import Name

NAMES = (
    Name(
        "prefect.concurrency.services:ConcurrencySlotAcquisitionWithLeaseService.acquire",
        mentions=("_no_limits_cache",),
    ),
    Name("prefect.concurrency.services:_no_limits_cache"),
)
LEARN_SECONDS = 15.0
"""Between two looks at limits: how long a new one is not in force for new runs."""
BELIEVED_SECONDS = 60.0
"""How long a run believes it."""
MOST = 200


async def unlimited_tags(client: PrefectClient) -> list[str]:
    """Return those tags of our tasks, each the only one of its task, that have no limit."""
    limits = await client.read_global_concurrency_limits(limit=MOST)
    limited = {limit.name for limit in limits}
    tags = [f"tag:role:{role}" for role in ROLES]
    return [tag for tag in tags if tag not in limited] if len(limits) < MOST else []


def remember(unlimited: list[str]) -> None:
    """Have this process believe that tags have no limit."""
    services._no_limits_cache = TTLCache(maxsize=1000, ttl=BELIEVED_SECONDS)  # noqa: SLF001 - this room is for it
    services._no_limits_cache.update({frozenset([tag]): True for tag in unlimited})  # noqa: SLF001
