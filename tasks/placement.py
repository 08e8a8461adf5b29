"""Which appservers get a release."""

import time
from collections.abc import Sequence

from dz import wiring
from dz.settings import settings
from dz.tasklib.servers import placement as work
from tasks.policy import without_run
from tasks.roles import on_role
from tasks.servers import alive

GONE_SECONDS = 15.0
"""Seconds that a lost server that is alive gets to take down what it has begun."""


@without_run
def refuse_without_servers() -> None:
    """Refuse at once, before anything is built, when no server of a needed role could take the site."""
    work.refuse_full(wiring.zoomdb())
    for role in ("database", "proxy"):
        alive(role)


@without_run
def likely_appservers(instances: int) -> list[str]:
    """Return the appservers that the next release will likely run on."""
    return work.likely(wiring.zoomdb(), instances=instances)


@on_role("build")
def placement(job: int, release: int, *, lost: Sequence[str] = ()) -> list[str]:
    """Choose appservers by load and health, and return those on which the release still has to boot.

    Where others were lost, their app instances are waited for to be gone: the hooks of a release run once.
    """
    placed = work.place(wiring.zoomdb(), release, port_range=settings().app_ports, job_id=job, lost=lost)
    deadline = time.monotonic() + GONE_SECONDS
    while lost and work.places_given_up(wiring.zoomdb(), release) and time.monotonic() < deadline:
        time.sleep(0.3)
    return [place.server for place in placed if not place.warm]


@without_run
def others_than(appservers: list[str]) -> bool:
    """Say whether there are appservers besides these, should one of them be lost."""
    return bool(set(alive("appserver")) - set(appservers))
