"""What the Prefect UI shows of a job besides its runs: progress, tables, links."""

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)

logger = logging.getLogger("dz.artifacts")
STEPS_EXPECTED = 14
"""Steps of a usual build_and_deploy; the bar is a hint, the job's log is exact."""

SECONDS_BETWEEN = 1.0
"""Between two movements of a bar: each costs a request to Prefect's server, during which the job waits."""


@dataclass
class _Bar:
    artifact: uuid.UUID
    steps: int
    moved: float
    """When it was moved last, on the monotonic clock."""


_bars: dict[int, _Bar] = {}


@contextlib.contextmanager
def _decoration() -> Iterator[None]:
    """Artifacts are for the eye: a job never fails because of one."""
    try:
        yield
    except Exception:  # noqa: BLE001  whatever Prefect's client raises
        logger.warning("An artifact of this job could not be stored.")


def progress_begins(job: int) -> None:
    """Show an empty progress bar for a job."""
    with _decoration():
        artifact = create_progress_artifact(0.0, key=f"job-{job}", description=f"Progress of job {job}")
        _bars[job] = _Bar(artifact, 0, time.monotonic())  # type: ignore[arg-type]  # a sync call returns the id itself


def step_done(job: int) -> None:
    """Move the job's bar on, but not with every step; a job that runs in another process has none here."""
    bar = _bars.get(job)
    if bar is None:
        return
    bar.steps += 1
    if time.monotonic() - bar.moved >= SECONDS_BETWEEN:
        bar.moved = time.monotonic()
        with _decoration():
            update_progress_artifact(bar.artifact, min(95.0, 100.0 * bar.steps / STEPS_EXPECTED))


def progress_ends(job: int) -> None:
    """Show the job's bar full."""
    bar = _bars.pop(job, None)
    if bar is not None:
        with _decoration():
            update_progress_artifact(bar.artifact, 100.0)


def show_guesses(job: int, markdown: str) -> None:
    """Show what check_repo found, with the next step."""
    with _decoration():
        create_markdown_artifact(markdown, key=f"guesses-{job}", description="What check_repo found")


def show_link(job: int, url: str, text: str) -> None:
    """Show the link to a live site."""
    with _decoration():
        create_link_artifact(url, link_text=text, key=f"site-{job}", description=f"Live site of job {job}")
