"""Flow runs on standby: sent to a server before their release exists, so that they have started by the time it does."""

import re
import time
from collections.abc import Callable

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from dz.adapters.archive import Layer
from dz.zoomdb import Zoomdb, notices
from dz.zoomdb.models import Standby

PATIENCE = 60.0
"""Seconds that a run stands by; after that, its slot at a worker is worth more than the start-up time it saves."""
_LOOK_SECONDS = 3.0
_LAYER = re.compile(r"[^/]+/([0-9a-f]{64})/([0-9]{1,15})", re.ASCII)


def tell(zoomdb: Zoomdb, flow_run_id: str, release_id: int | None) -> bool:
    """Tell a run its release (None: it is not needed), and return whether it was still standing by."""
    told = _say(zoomdb, flow_run_id, release_id)
    if told:
        notices.send(zoomdb, notices.TOLD, flow_run_id)
    else:
        _take(zoomdb, flow_run_id)
    return told


def announce(zoomdb: Zoomdb, flow_run_id: str, layer: Layer) -> None:
    """Tell a run about a layer that its release will probably have; best effort."""
    notices.send(zoomdb, notices.TOLD, f"{flow_run_id}/{layer.sha256}/{layer.size}")


def never_heard(zoomdb: Zoomdb, flow_run_id: str) -> bool:
    """Say whether a run that has ended did so before it took what it was told."""
    return _take(zoomdb, flow_run_id) is not None


def release_of(
    zoomdb: Zoomdb,
    flow_run_id: str,
    *,
    patience: float = PATIENCE,
    prepare: Callable[[str, int], None] = lambda sha256, size: None,
) -> int | None:
    """Wait until this run is told its release; None if it is not needed or nobody tells it anything.

    Args:
        patience: seconds after which the run gives up; `tell` then returns False.
        prepare: called with sha256 and size of each virtualenv layer that is announced in the meantime.

    Raises:
        ServiceUnavailable: zoomdb does not answer (transient).
    """
    deadline = time.monotonic() + patience
    with notices.listen(zoomdb, notices.TOLD) as heard:
        while not (told := _take(zoomdb, flow_run_id)):
            left = deadline - time.monotonic()
            if left <= 0 and _say(zoomdb, flow_run_id, None):
                return None
            for payload in heard.wait(max(0.0, min(_LOOK_SECONDS, left)), wanted=flow_run_id):
                if announced := _LAYER.fullmatch(payload):
                    prepare(announced[1], int(announced[2]))
    return told[0]


def _say(zoomdb: Zoomdb, flow_run_id: str, release_id: int | None) -> bool:
    """Store what a run is told; return False if it was told something before or has given up."""
    values = {"flow_run_id": flow_run_id, "release_id": release_id}
    with zoomdb.session() as session:
        return session.scalar(insert(Standby).on_conflict_do_nothing().returning(Standby.id), values) is not None


def _take(zoomdb: Zoomdb, flow_run_id: str) -> tuple[int | None] | None:
    with zoomdb.session() as session:
        found = session.execute(
            delete(Standby).where(Standby.flow_run_id == flow_run_id).returning(Standby.release_id)
        ).one_or_none()
    return found and (found[0],)
