"""Prefect's clients share a TLS context."""

import ssl

import certifi
import pytest
from prefect.client import orchestration

from dz.worker.internals import tls


@pytest.fixture(autouse=True)
def _applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestration, "ssl", ssl)
    tls.apply()


def test_a_file_of_certificates_is_loaded_once() -> None:
    first, second = (orchestration.ssl.create_default_context(cafile=certifi.where()) for _ in range(2))
    assert first is second
    assert first.verify_mode == ssl.CERT_REQUIRED


def test_a_context_whose_checks_are_turned_off_is_nobody_elses() -> None:
    first, second = (orchestration.ssl.create_default_context() for _ in range(2))
    assert first is not second


def test_clients_are_made_with_it() -> None:
    clients = [orchestration.SyncPrefectClient("https://127.0.0.1:1/api") for _ in range(2)]
    first, second = (client._client._transport._pool._ssl_context for client in clients)
    assert first is second
