"""Which appservers get a release."""

from dz import wiring
from dz.settings import settings
from dz.tasklib.servers import placement as work
from tasks.policy import without_run
from tasks.roles import on_role
from tasks.servers import alive


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
def placement(job: int, release: int) -> list[str]:
    """Choose appservers by load and health, and return those on which the release still has to boot."""
    placed = work.place(wiring.zoomdb(), release, port_range=settings().app_ports, job_id=job)
    return [place.server for place in placed if not place.warm]
