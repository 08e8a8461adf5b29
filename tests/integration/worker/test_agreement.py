"""What a person does to a flow run in Prefect happens to its job."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from prefect.states import Cancelled, Crashed, Paused

from dz import wiring
from dz.settings import settings
from dz.tasklib.jobs import jobs
from dz.worker import agreement
from dz.zoomdb.states import JobKind
from tests.integration.worker.conftest import Bench


@pytest.fixture(autouse=True)
def _zoomdb_of_the_bench(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(agreement, "SECONDS", -1.0)
    with patch.dict(os.environ, {"DZ_ZOOMDB_URL": bench.zoomdb.url}):
        settings.cache_clear()
        yield
        wiring.zoomdb().close()
    settings.cache_clear()


def _job(bench: Bench, *, begun: bool) -> tuple[int, str]:
    run = str(bench.client.create_flow_run_from_deployment(bench.deployments["unsent"]).id)
    job = jobs.open_job(bench.zoomdb, JobKind.CHECK_REPO, params={})
    if begun:
        jobs._begin(bench.zoomdb, job, run)
    else:
        jobs.sent(bench.zoomdb, job, run)
    return job, run


def _found(bench: Bench, job: int) -> tuple[str, str]:
    view = jobs.get(bench.zoomdb, job)
    assert view
    return view.state, view.failure.found if view.failure else ""


@pytest.mark.parametrize("begun", [True, False])
def test_a_job_is_cancelled_when_its_run_is_cancelled_paused_or_deleted(bench: Bench, begun: bool) -> None:  # noqa: FBT001  parametrized
    found = {}
    for how, state in (("cancelled", Cancelled()), ("paused", Paused()), ("deleted", None)):
        job, run = _job(bench, begun=begun)
        agreement.agree()
        assert _found(bench, job)[0] == ("running" if begun else "pending")
        if state:
            bench.client.set_flow_run_state(run, state, force=True)
        else:
            bench.client.delete_flow_run(run)
        agreement.agree()
        found[how] = _found(bench, job)
    assert {state for state, _ in found.values()} == {"cancelled"}
    assert all(f"where its flow run was {how};" in said for how, (_, said) in found.items())


def test_a_job_whose_run_has_died_before_its_first_line_has_crashed(bench: Bench) -> None:
    job, run = _job(bench, begun=False)
    bench.client.set_flow_run_state(run, Crashed(), force=True)
    agreement.agree()
    assert _found(bench, job) == (
        "crashed",
        "The flow run of this job ended as Crashed before its first line; nothing was done.",
    )


def test_a_job_that_was_never_sent_does_not_wait_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.open_job(bench.zoomdb, JobKind.CHECK_REPO, params={})
    agreement.agree()
    assert _found(bench, job)[0] == "pending"
    monkeypatch.setattr(agreement, "UNSENT_SECONDS", -1.0)
    agreement.agree()
    assert _found(bench, job)[0] == "crashed"
