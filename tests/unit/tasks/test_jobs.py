"""A job says who started it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from dz.settings import settings
from tasks.jobs import requested_by


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def _asked_by(creator: dict[str, Any] | None) -> str:
    run = FlowRun.model_validate({"flow_id": uuid.uuid4(), "created_by": creator})
    with FlowRunContext.model_construct(flow_run=run):
        return requested_by()


def test_a_run_from_prefects_ui_or_api_is_its_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DZ_PREFECT_AUTH_STRING", "ann:not-shown")
    assert _asked_by(None) == "prefect:ann"


def test_without_a_login_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DZ_PREFECT_AUTH_STRING", "")
    monkeypatch.delenv("DZ_PREFECT_AUTH_STRING")
    assert _asked_by(None) == "prefect"


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [("AUTOMATION", "deploy on push", "automation:deploy on push"), ("SCHEDULE", "nightly", "schedule:nightly")],
)
def test_a_run_that_no_person_started_names_what_did(kind: str, name: str, said: str) -> None:
    assert _asked_by({"id": uuid.uuid4(), "type": kind, "display_value": name}) == said
