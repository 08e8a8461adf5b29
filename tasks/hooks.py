"""The task of release hooks."""

from dz import wiring
from dz.tasklib import deploys, releases
from tasks.roles import on_role


@on_role("appserver")
def schema_is_current(job: int, release: int, *, server: str) -> bool:
    """Say whether the release has no other migrations than the version that serves."""
    return releases.schema_is_current(wiring.zoomdb(), release)


@on_role("appserver", retries=0)
def run_release_hooks(job: int, release: int, *, server: str) -> None:
    """Run migrate and what else the plan names, once per release; a failure leaves the old version serving."""
    place = wiring.target(release, server)
    deploys.run_hooks(wiring.zoomdb(), place, sandbox=wiring.sandbox(place.sysid, "appserver", server))
