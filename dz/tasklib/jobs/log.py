"""The log of a job, which people and programs read; `jobs` writes its first and last lines."""

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select

from dz.errors import DzError
from dz.tasklib.jobs import fencing
from dz.text import printable
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import JobLog
from dz.zoomdb.states import LogType

logger = logging.getLogger("dz.jobs")


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log."""

    id: int
    time: dt.datetime
    type: str
    step: str
    message: str


def lines(zoomdb: Zoomdb, *job_ids: int, after: int = 0) -> Sequence[LogLine]:
    """Return the log lines of one or more jobs that come after line `after`, oldest first."""
    query = select(JobLog).where(JobLog.job_id.in_(job_ids), JobLog.id > after).order_by(JobLog.id)
    with zoomdb.session() as session:
        return [LogLine(row.id, row.created, row.type, row.step, row.message) for row in session.scalars(query)]


def step_seconds(log_lines: Sequence[LogLine]) -> dict[str, float]:
    """Return the seconds that each finished step took; for a step that ran on several servers, the longest."""
    seconds: dict[str, float] = {}
    for line in log_lines:
        if line.type == LogType.STEP_END:
            seconds[line.step] = max(seconds.get(line.step, 0.0), float(line.message))
    return seconds


def warnings(log_lines: Sequence[LogLine]) -> list[str]:
    """Return what a job warned of, each text once."""
    return list(dict.fromkeys(line.message for line in log_lines if line.type == LogType.WARN))


def write(zoomdb: Zoomdb, job_id: int, kind: LogType, message: str = "", *, step: str = "") -> None:
    """Add a line to the job's log."""
    line = {"job_id": job_id, "type": kind, "message": printable(message), "step": step}
    zoomdb.execute(insert(JobLog), line)


def note(zoomdb: Zoomdb, job_id: int, warnings: Iterable[str], *, info: str = "") -> None:
    """Add a step's warnings and one line of what it found to the job's log; the warnings to the flow run's log, too."""
    for warning in warnings:
        logger.warning("%s", printable(warning))
        write(zoomdb, job_id, LogType.WARN, warning)
    if info:
        write(zoomdb, job_id, LogType.INFO, info)


@contextlib.contextmanager
def step(zoomdb: Zoomdb, job_id: int, name: str, *, run: str = "", outlives_job: bool = False) -> Iterator[None]:
    """Run one step of a job between `step_begin` and `step_end` lines; the latter says how many seconds it took.

    Args:
        run, outlives_job: see `fencing.begin_step`.

    Raises:
        Cancelled, Superseded, StaleWork: the job has ended; the step was not begun.
        Fenced: newer work has taken over.
    """
    fencing.begin_step(zoomdb, job_id, name, run=run, outlives_job=outlives_job)
    started = time.monotonic()
    try:
        yield
    except DzError as error:
        write(zoomdb, job_id, LogType.ERROR, str(error), step=name)
        raise
    write(zoomdb, job_id, LogType.STEP_END, f"{time.monotonic() - started:.2f}", step=name)


@contextlib.contextmanager
def failed_step(zoomdb: Zoomdb, job_id: int, name: str) -> Iterator[None]:
    """Log the error of a block as that of a step, which is in the log only if it fails."""
    try:
        yield
    except DzError as error:
        write(zoomdb, job_id, LogType.STEP_BEGIN, step=name)
        write(zoomdb, job_id, LogType.ERROR, str(error), step=name)
        raise
