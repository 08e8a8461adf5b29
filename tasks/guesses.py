"""Tasks about guesses: what people are shown of a check."""

from dz import wiring
from dz.settings import settings
from dz.tasklib.detection import Inspection
from dz.tasklib.guesses import rows, table
from dz.tasklib.jobs import jobs
from tasks import artifacts
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
def publish_guesses(job: int, inspection: Inspection, source: Source) -> None:
    """Show the guesses in the Prefect UI, with the next step."""
    next_step = table.next_step(source.url, ui=settings().prefect_ui_url)
    artifacts.show_guesses(source.project, table.markdown(inspection, next_step))
