"""The task that runs release hooks, and whether they run before or after boot."""

from dz import wiring
from dz.settings import settings
from dz.tasklib.appservers import hooks
from dz.tasklib.releases import releases
from tasks.policy import without_run
from tasks.roles import on_role


@without_run
def boots_before_hooks(release: int) -> bool:
    """Say whether a release may boot before its hooks: it waits for them, or has the old version's migrations."""
    return releases.boots_before_hooks(wiring.zoomdb(), release)


@on_role("appserver", retries=0)
def run_release_hooks(job: int, release: int, *, server: str) -> None:
    """Run migrate and what else the plan names, once per release; a failure leaves the old version serving."""
    instance = wiring.app_instance(release, server)
    hooks.run_hooks(
        wiring.zoomdb(),
        instance,
        job,
        supervisor=wiring.supervisor(server),
        sandbox=wiring.sandbox(instance.sysid, "appserver", server, memory_mb=instance.manifest.plan.memory_mb),
        timeout=settings().health_timeout,
    )
