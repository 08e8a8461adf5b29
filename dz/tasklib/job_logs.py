"""The log of a job, as people and programs read it; `jobs` writes it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from dz.zoomdb import Zoomdb
from dz.zoomdb.models import JobLog
from dz.zoomdb.states import LogType


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log."""

    id: int
    time: dt.datetime
    type: str
    step: str
    message: str


def lines(zoomdb: Zoomdb, *job_ids: int, after: int = 0) -> Sequence[LogLine]:
    """Return the log of a job, or of several together, after line `after`, oldest first."""
    query = select(JobLog).where(JobLog.job_id.in_(job_ids), JobLog.id > after).order_by(JobLog.id)
    with zoomdb.session() as session:
        return [LogLine(row.id, row.created, row.type, row.step, row.message) for row in session.scalars(query)]


def step_seconds(log_lines: Sequence[LogLine]) -> dict[str, float]:
    """Return how long each finished step took; a step that ran on several servers counts its longest."""
    seconds: dict[str, float] = {}
    for line in log_lines:
        if line.type == LogType.STEP_END:
            seconds[line.step] = max(seconds.get(line.step, 0.0), float(line.message))
    return seconds
