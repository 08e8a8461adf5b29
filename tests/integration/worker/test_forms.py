"""A launch whose run somebody ended in Prefect is over; one whose form is open goes on waiting."""

import contextlib
import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from prefect.states import Cancelled, Suspended

from dz import wiring
from dz.settings import settings
from dz.tasklib.jobs import jobs
from dz.tasklib.launches import launches
from dz.worker.forms import end_unanswered
from dz.zoomdb.states import JobKind
from tests.integration.worker.conftest import Bench


@pytest.fixture(autouse=True)
def _zoomdb_of_the_bench(bench: Bench) -> Iterator[None]:
    with patch.dict(os.environ, {"DZ_ZOOMDB_URL": bench.zoomdb.url}):
        settings.cache_clear()
        yield
        wiring.zoomdb().close()
    settings.cache_clear()


def _waiting(bench: Bench, *, seconds: int = 100) -> tuple[int, str]:
    run = bench.client.create_flow_run_from_deployment(bench.deployments["unsent"])
    bench.client.set_flow_run_state(run.id, Suspended(timeout_seconds=600), force=True)
    job = jobs.open_job(bench.zoomdb, JobKind.LAUNCH, params={})
    launches.open_launch(bench.zoomdb, job, seconds=seconds)
    launches.set_form(bench.zoomdb, job, {}, [], seconds=seconds)
    with contextlib.suppress(KeyboardInterrupt), jobs.running(bench.zoomdb, job, str(run.id)):
        jobs.wait(bench.zoomdb, job)
        raise KeyboardInterrupt
    return job, str(run.id)


def _end_of(bench: Bench, job: int) -> str | None:
    view = jobs.get(bench.zoomdb, job)
    assert view
    return view.failure.code if view.failure else None


def test_a_launch_ends_with_its_run_and_not_before(bench: Bench) -> None:
    job, run = _waiting(bench)
    end_unanswered()
    assert _end_of(bench, job) is None
    bench.client.set_flow_run_state(run, Cancelled(), force=True)
    end_unanswered()
    assert _end_of(bench, job) == "LaunchCancelled"


def test_a_form_whose_time_is_over_ends_its_run_and_its_launch(bench: Bench) -> None:
    job, run = _waiting(bench, seconds=-1)
    end_unanswered()
    assert _end_of(bench, job) == "FormExpired"
    assert bench.client.read_flow_run(run).state_name == "Expired"
