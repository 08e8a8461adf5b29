"""What the Prefect UI shows of a job besides its runs: progress, tables, links; all named after the project."""

import contextvars
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

logger = logging.getLogger("dz.artifacts")
STEPS_EXPECTED = 11
"""Steps of a usual build_and_deploy; the bar is a hint, the job's log is exact."""

SECONDS_BETWEEN = 1.0
"""Seconds between two updates of a bar; each costs Prefect's server a request."""

_requests = ThreadPoolExecutor(1, "artifacts")
"""Sends requests one after another; no step waits for them."""


@dataclass
class _Bar:
    steps: int
    moved: float
    """When it was moved last, on the monotonic clock."""
    artifact: UUID | None = None


_bars: dict[int, _Bar] = {}


def _soon(request: Callable[[], object]) -> Future[None]:
    """Send a request in the background, after those before it; a job never fails because of an artifact."""

    def send() -> None:
        try:
            request()
        except Exception:  # noqa: BLE001  whatever Prefect's client raises
            logger.warning("An artifact of this job could not be stored.")

    # An artifact belongs to the run in whose context it is made.
    return _requests.submit(contextvars.copy_context().run, send)


def progress_begins(job: int, project: str) -> None:
    """Show an empty progress bar for a job, once it is known which project it is about."""
    bar = _bars[job] = _Bar(0, time.monotonic())

    def create() -> None:
        created = create_progress_artifact(
            0.0, key=f"{project}-progress", description=f"Progress of {project} (job {job})"
        )
        bar.artifact = created  # type: ignore[assignment]  # a sync call returns the id itself

    _soon(create)


def step_done(job: int) -> None:
    """Advance the job's bar, but not at every step; a job that runs in another process has none here."""
    bar = _bars.get(job)
    if bar is None:
        return
    bar.steps += 1
    if time.monotonic() - bar.moved >= SECONDS_BETWEEN:
        bar.moved = time.monotonic()
        _move(bar, min(95.0, 100.0 * bar.steps / STEPS_EXPECTED))


def progress_ends(job: int) -> None:
    """Fill the job's bar, and wait until every artifact sent so far is stored."""
    bar = _bars.pop(job, None)
    if bar is not None:
        _move(bar, 100.0).result()


def _move(bar: _Bar, percent: float) -> Future[None]:
    def move() -> None:
        if bar.artifact:
            update_progress_artifact(bar.artifact, percent)

    return _soon(move)


def show_guesses(project: str, markdown: str) -> None:
    """Show what check_repo found, with the next step."""
    key, description = f"{project}-guesses", f"How {project} would be built and run, and why"
    _soon(lambda: create_markdown_artifact(markdown, key=key, description=description))


def show_site(project: str, title: str, url: str) -> None:
    """Show the link to a live site.

    Args:
        project: its name.
        title: its name and version.
        url: where it is.
    """
    key, description = f"{project}-site", f"{title} is live"
    _soon(lambda: create_link_artifact(url, link_text=title, key=key, description=description))


def name_run(name: str) -> None:
    """Rename the flow run that this is called in, now that more is known of what it is about."""
    run = UUID(str(flow_run.get_id()))

    def rename() -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(run, name)

    _soon(rename)
