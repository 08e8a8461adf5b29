"""A flow sends heartbeats, and does not wait for them at its end."""

import logging
import threading
import time
from types import SimpleNamespace

import pytest
from prefect import flow_engine

from dz.worker.internals import heartbeats


def test_a_heartbeat_is_sent_and_nothing_waits_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_engine, "_send_heartbeats", flow_engine._send_heartbeats)
    heartbeats.apply()
    beaten = threading.Event()
    engine = SimpleNamespace(
        heartbeat_seconds=30,
        flow_run=None,
        logger=logging.getLogger("test"),
        _build_heartbeat_event_template=lambda: ({}, []),
        _emit_flow_run_heartbeat=lambda resource, related: beaten.set(),
    )
    with flow_engine._send_heartbeats(engine):  # type: ignore[arg-type]
        assert beaten.wait(5)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
