"""Tasks about what a repository is."""

from dz import wiring
from dz.tasklib import detection
from dz.tasklib.bundles import build
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import confirmed
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Inspection
from dz.tasklib.guesses import rows, table
from dz.tasklib.jobs import jobs, log
from dz.tasklib.variables import stored
from tasks import artifacts
from tasks.parameters import Source
from tasks.roles import on_role


@on_role("build")
def inspect_code(job: int, checkout: Checkout) -> Inspection:
    """Read what kind of project this is; nothing of it is imported."""
    return detection.inspect(checkout.path)


@on_role("build")
def write_config_guesses(job: int, inspection: Inspection) -> None:
    """Store the guesses in zoomdb."""
    found = rows.guesses_of(inspection)
    rows.save(wiring.zoomdb(), job, found)
    jobs.set_result(
        wiring.zoomdb(),
        job,
        guesses=len(found),
        is_django=inspection.is_django,
        reason=inspection.reason,
        ambiguous=inspection.ambiguous,
    )


@on_role("build")
def publish_guesses(job: int, inspection: Inspection, source: Source) -> None:
    """Show the guesses in the Prefect UI, with the next step."""
    artifacts.show_guesses(job, table.markdown(inspection, wiring.next_step(source.url)))


@on_role("build")
def plan_build(job: int, project: int, checkout: Checkout, config: str | None) -> Plan:
    """Decide how to build: attached configuration, stored one, the repository's own, detection."""
    zoomdb = wiring.zoomdb()
    known, names = confirmed.newest(zoomdb, project), stored.of_project(zoomdb, project)
    plan = build.plan(detection.inspect(checkout.path), checkout, attached=config, stored=known, variables=names)
    log.note(zoomdb, job, plan.warnings, info=f"settings {plan.django_settings_module}")
    return plan
