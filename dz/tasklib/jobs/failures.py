"""Errors that cross from a subflow on another server to the parent that waits for it."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import select

from dz.errors import DzError, FailureRecord, OperatorError, Unexpected
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import ChildFailure


@contextlib.contextmanager
def reported_to_parent(zoomdb: Zoomdb, flow_run_id: str) -> Iterator[None]:
    """Store an error of the block for the parent flow that waits on another server, and re-raise it."""
    try:
        yield
    except Exception as error:
        record = error.record() if isinstance(error, DzError) else unexpected(error).record()
        with zoomdb.session() as session:
            known = session.scalar(select(ChildFailure).where(ChildFailure.flow_run_id == flow_run_id))
            row = known or ChildFailure(flow_run_id=flow_run_id)
            row.code, row.found, row.remedy = record.code, record.found, record.remedy
            session.add(row)
        raise


def of_child(zoomdb: Zoomdb, flow_run_id: str) -> FailureRecord | None:
    """Return the error that a subflow stored, or None."""
    with zoomdb.session() as session:
        row = session.scalar(select(ChildFailure).where(ChildFailure.flow_run_id == flow_run_id))
        return FailureRecord(row.code, row.found, row.remedy) if row else None


def unexpected(error: Exception) -> OperatorError:
    """Return what a person is told about an error that nobody foresaw."""
    return Unexpected(
        f"An error that DjangoZoom does not know: {type(error).__name__}.",
        "Look at the traceback in the logs of the flow run in the Prefect UI, and report it.",
    )
