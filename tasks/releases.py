"""Tasks about releases: numbered versions of a project."""

from dz import wiring
from dz.settings import settings
from dz.tasklib import jobs, releases, sites, virtual_hosts
from dz.tasklib.releases import Retired
from dz.tasklib.sites import Site
from tasks import artifacts
from tasks.roles import on_role


@on_role("build")
def create_release(job: int, project: int, bundle: int) -> int:
    """Make the next version of a project and return the release's id."""
    virtual_hosts.claim_host(wiring.zoomdb(), project, wiring.platform_host(project))
    release = releases.create(wiring.zoomdb(), project, bundle)
    jobs.set_result(wiring.zoomdb(), job, version=releases.number(wiring.zoomdb(), release))
    return release


@on_role("build")
def already_served(job: int, project: int, bundle: int) -> bool:
    """Say whether users see this bundle already, from app instances that are well; the job then has its result."""
    release = releases.served_by(wiring.zoomdb(), project, bundle)
    if release is None:
        return False
    jobs.set_result(wiring.zoomdb(), job, unchanged=True)
    site = _report(job, release)
    info = f"Nothing has changed since version {site.version}, which serves; it was left."
    jobs.note(wiring.zoomdb(), job, [], info=info)
    return True


@on_role("build")
def rollback_target(job: int, project: int, version: int | None) -> int:
    """Return the release to go back to."""
    return releases.rollback_target(wiring.zoomdb(), project, version)


@on_role("build")
def shown_release(job: int, project: int, version: int | None) -> int:
    """Return the release that a host name shows."""
    return releases.shown(wiring.zoomdb(), project, version)


@on_role("build")
def mark_published(job: int, release: int) -> None:
    """Make a release the one that users see, in zoomdb."""
    releases.publish(wiring.zoomdb(), release)


@on_role("build")
def retire_older(job: int, project: int) -> list[Retired]:
    """Mark the app instances that rollback no longer needs, and return them."""
    return releases.retire(wiring.zoomdb(), project, settings().versions_kept)


@on_role("build")
def report_url(job: int, release: int) -> None:
    """Tell the job's log, its result and the Prefect UI where the site is."""
    _report(job, release)


def _report(job: int, release: int) -> Site:
    site = sites.of_release(wiring.zoomdb(), release)
    jobs.set_result(wiring.zoomdb(), job, **site.to_json())
    artifacts.show_link(job, site.url, f"{site.project} v{site.version}")
    return site
