"""The worker notices runs that somebody schedules without telling us, as Prefect's UI does."""

import time

from tests.integration.worker.conftest import Bench, state


def test_a_run_that_nobody_told_of_starts_before_the_worker_polls(bench: Bench) -> None:
    begun = time.monotonic()
    run = bench.client.create_flow_run_from_deployment(
        bench.deployments["look"], parameters={"place": str(bench.places / "untold")}
    )
    assert state(bench.end_of(run)) == "Completed"
    assert time.monotonic() - begun < 30  # the worker polls every minute
