"""Tasks about releases: numbered versions of a project."""

from dz import wiring
from dz.settings import settings
from dz.tasklib.jobs import jobs, log
from dz.tasklib.proxies import sites
from dz.tasklib.proxies.sites import Site
from dz.tasklib.releases import history, releases, serving, titles
from dz.tasklib.releases.releases import Retired
from tasks import artifacts
from tasks.policy import without_run
from tasks.roles import on_role


@on_role("build")
def create_release(job: int, project: int, bundle: int) -> int:
    """Make the next version of a project and return the release's id."""
    release = releases.create(wiring.zoomdb(), project, bundle, job_id=job)
    jobs.set_result(wiring.zoomdb(), job, version=releases.number(wiring.zoomdb(), release))
    artifacts.name_run(f"deploy {titles.of_release(wiring.zoomdb(), release)}")
    return release


@without_run
def serving_release(job: int, project: int, bundle: int) -> int | None:
    """Return the release that users see if it has this bundle, and every server that was asked says that it serves."""
    zoomdb = wiring.zoomdb()
    release = releases.served_by(zoomdb, project, bundle)
    seen = serving.ask(zoomdb, project, look=wiring.looker()) if release else None
    if seen and not seen.well:
        log.note(
            zoomdb, job, [f"Version {seen.version} should serve and does not: {seen.sentence()}. It is made anew."]
        )
    return release if seen and seen.well else None


@on_role("build")
def report_unchanged(job: int, release: int) -> str:
    """Say that the version that serves was left, because nothing has changed; return that as a sentence."""
    jobs.set_result(wiring.zoomdb(), job, unchanged=True)
    site = _report(job, release)
    info = f"Nothing has changed since version {site.version}, which serves; it was left."
    log.note(wiring.zoomdb(), job, [], info=info)
    return f"{info} {site.url}"


@on_role("build")
def rollback_target(job: int, project: int, version: int | None, *, accepted: bool) -> int:
    """Return the release to go back to; whoever asks has accepted that its code may not fit the database, or has not."""
    release = releases.rollback_target(wiring.zoomdb(), project, version)
    since = history.since(wiring.zoomdb(), release)
    if not accepted:
        since.refuse()
    log.note(wiring.zoomdb(), job, since.warnings, info=since.info)
    title = titles.of_release(wiring.zoomdb(), release)
    artifacts.name_run("roll back {} to {}".format(*title.rsplit(" ", 1)))
    return release


@on_role("build")
def shown_release(job: int, project: int, version: int | None) -> int:
    """Return the release that a host name shows."""
    return releases.shown(wiring.zoomdb(), project, version)


@on_role("build")
def mark_published(job: int, release: int) -> None:
    """Make a release the one that users see, in zoomdb."""
    site = _site(release)
    releases.publish(wiring.zoomdb(), release, job_id=job, **site.result())


@on_role("build")
def retire_older(job: int, project: int) -> list[Retired]:
    """Mark the app instances that rollback no longer needs, and return them."""
    return releases.retire(wiring.zoomdb(), project, settings().versions_kept)


@on_role("build")
def report_url(job: int, release: int) -> str:
    """Tell the job's log, its result and the Prefect UI where the site is; return that as a sentence."""
    site = _report(job, release)
    view = jobs.get(wiring.zoomdb(), job)
    behind = view.result.get("behind") if view else None
    but = f", but not on {' and '.join(behind)}" if behind else ""
    return f"{site.project} v{site.version} is live{but}: {site.url}"


def _report(job: int, release: int) -> Site:
    site = _site(release)
    jobs.set_result(wiring.zoomdb(), job, **site.result())
    artifacts.show_site(site.project, f"{site.project} v{site.version}", site.url)
    return site


def _site(release: int) -> Site:
    return sites.of_release(wiring.zoomdb(), release, tls=bool(settings().trusted_proxies))
