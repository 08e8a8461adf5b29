"""Runs that a dead worker had taken are scheduled again."""

import asyncio

from prefect.client.orchestration import get_client
from prefect.states import Pending

from dz.worker.lost_runs import LostRuns, taken_by
from tests.integration.worker.conftest import POOL, Bench, state


def test_a_run_whose_worker_died_before_it_began_is_scheduled_again(bench: Bench) -> None:
    run = bench.client.create_flow_run_from_deployment(
        bench.deployments["look"],
        parameters={"place": str(bench.places / "lost")},
        state=Pending(message=taken_by("killed")),
    )

    async def look_twice() -> None:
        lost = LostRuns(POOL, "killed")
        async with get_client() as client:
            await lost.send_again(client, {run.id})
            await lost.send_again(client, set())
            assert (await client.read_flow_run(run.id)).state_name == "Pending"
            await lost.send_again(client, set())

    asyncio.run(look_twice())
    assert state(bench.end_of(run)) == "Completed"
