"""Who counts as alive."""

import threading

import pytest
from sqlalchemy import select, text

from dz.errors import ServiceUnavailable
from dz.tasklib.jobs import leases
from dz.zoomdb import Zoomdb


def test_work_beats_while_it_lasts_whatever_a_single_heartbeat_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.01)
    beats, enough = [], threading.Event()

    def beat() -> None:
        beats.append(1)
        if len(beats) > 3:
            enough.set()
        raise ServiceUnavailable("zoomdb does not answer.", "Wait.")

    with leases.kept(beat, "job 1"):
        assert enough.wait(30)


def test_who_could_not_be_heard_is_not_silent(zoomdb: Zoomdb, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(age: str) -> bool:
        with zoomdb.session() as session:
            return bool(session.scalar(select(leases.is_silent(text(f"now() - interval '{age}'")))))  # type: ignore[arg-type]

    monkeypatch.setattr(leases, "LEASE_SECONDS", 1e6)
    assert not silent("10 years"), "zoomdb itself has not been there for so long"
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.0)
    assert silent("1 hour")
