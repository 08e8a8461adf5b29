"""Tasks about proxies."""

from prefect.runtime import flow_run

from dz import wiring
from dz.settings import settings
from dz.tasklib.jobs import fencing, jobs, log
from dz.tasklib.proxies import hosts
from dz.tasklib.releases import releases
from dz.tasklib.servers import servers
from tasks.parameters import HostRequest
from tasks.policy import without_run
from tasks.roles import on_role, precondition
from tasks.servers import alive


@without_run
def alive_proxies() -> list[str]:
    """Return the proxies to update; one that is away catches up when its worker is back."""
    return alive("proxy")


@without_run
def report_absent_proxies(job: int, shown: list[str]) -> None:
    """Warn of each proxy that was not told of a new version because its worker is away: it may show an older one."""
    known = servers.listed(wiring.zoomdb(), role="proxy")
    behind = [] if settings().local_mode else [server.name for server in known if server.name not in shown]
    if behind:
        jobs.set_result(wiring.zoomdb(), job, behind=behind)
        names, have = " and ".join(behind), "have" if len(behind) > 1 else "has"
        text = (
            f"{names} {have} given no sign of life and may still show the version before, which is kept running for that; "
            "the new one is shown there when the worker is back."
        )
        log.note(wiring.zoomdb(), job, [text])


@precondition
def refuse_taken_host(job: int, project: int) -> None:
    """Refuse a project whose own name below the platform's domain is another project's host name."""
    hosts.refuse_taken(wiring.zoomdb(), project, _own_host(project))


@precondition
def claim_platform_host(job: int, project: int) -> None:
    """Give a project its own name below the platform's domain."""
    hosts.claim_host(wiring.zoomdb(), project, _own_host(project))


@precondition
def refuse_platform_host(job: int, project: int, request: HostRequest) -> None:
    """Refuse a name below the platform's domain that is not below the project's own."""
    own = _own_host(project)
    hosts.refuse_platform_name(request.host, domain=settings().platform_domain, own=own)


@on_role("build")
def claim_host(job: int, project: int, request: HostRequest) -> None:
    """Give a project a host name, for one version if the request names one, or refuse because it is another's."""
    zoomdb = wiring.zoomdb()
    release = releases.shown(zoomdb, project, request.version) if request.version else None
    host = hosts.claim_host(zoomdb, project, request.host, release_id=release)
    jobs.set_result(zoomdb, job, hosts=[host])


@on_role("proxy")
def update_vhosts(job: int, project: int, release: int | None, *, server: str) -> None:
    """Render, test, put in place and reload what this proxy shows of a project, and prove that it does."""
    run = str(flow_run.get_id())

    def allowed() -> bool:
        fencing.refuse_stale(wiring.zoomdb(), job, run=run)
        return True

    wiring.show_on_proxy(project, release, server, allowed=allowed)


def _own_host(project: int) -> str:
    return hosts.platform_host(wiring.zoomdb(), project, domain=settings().platform_domain)
