"""Tasks about guesses: what people are shown of a check."""

from dz import wiring
from dz.tasklib.detection import Inspection
from dz.tasklib.guesses import rows, table
from dz.tasklib.jobs import jobs
from tasks import artifacts, forms
from tasks.parameters import Source
from tasks.roles import on_role


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
def publish_guesses(job: int, inspection: Inspection, source: Source, *, tried: bool = False) -> None:
    """Show the guesses in the Prefect UI, with the way to the form in which a person confirms them.

    Args:
        tried: the guesses are as a proof leaves them, so that a launch can go on from them.
    """
    if source.prove and inspection.is_django and not tried:
        step = table.TRIED_NOW
    else:
        link = forms.launch_link(url=source.url, ref=source.ref, check=job if tried else None)
        step = table.next_step(f"dz launch --check {job}" if tried else f"dz launch {source.url}", link)
        jobs.set_result(wiring.zoomdb(), job, form_url=link)
    artifacts.show_guesses(source.project, table.markdown(inspection, step))
