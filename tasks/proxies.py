"""Tasks about proxies."""

from dz import wiring
from dz.tasklib.jobs import jobs
from dz.tasklib.proxies import hosts
from dz.tasklib.releases import releases
from tasks.parameters import HostRequest
from tasks.policy import question
from tasks.roles import on_role


@question
def alive_proxies() -> list[str]:
    """Return the proxies to update; one that is away converges when its worker is back."""
    return wiring.alive("proxy")


@on_role("build")
def claim_host(job: int, project: int, request: HostRequest) -> None:
    """Give a project a host name, or refuse because it is another's."""
    zoomdb = wiring.zoomdb()
    wiring.refuse_platform_host(project, request.host)
    release = releases.shown(zoomdb, project, request.version) if request.version else None
    host = hosts.claim_host(zoomdb, project, request.host, release_id=release)
    jobs.set_result(zoomdb, job, hosts=[host])


@on_role("proxy")
def update_vhosts(job: int, project: int, release: int | None, *, server: str) -> None:
    """Render, test, put in place and reload what this proxy shows of a project, and prove that it does."""
    wiring.show_on_proxy(project, release, server)
