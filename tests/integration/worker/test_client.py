"""The worker's client marks the runs that the worker takes, and reads little twice."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Pending, Running, Submitting

from dz.worker.client import WorkerClient
from tests.integration.worker.conftest import Bench, message


def test_a_taken_run_says_who_took_it_and_is_known_until_it_goes_on(bench: Bench) -> None:
    run = bench.client.create_flow_run_from_deployment(bench.deployments["unsent"])
    taken: set[UUID] = set()

    async def take(client: PrefectClient) -> None:
        ours = WorkerClient(client, "Taken by w9.", taken)
        await ours.set_flow_run_state(run.id, Pending())
        assert taken == {run.id}
        assert message(await client.read_flow_run(run.id)) == "Taken by w9."
        await ours.set_flow_run_state(run.id, Running())

    _with_client(take)
    assert taken == set()


def test_a_run_that_another_worker_has_taken_is_not_ours(bench: Bench) -> None:
    run = bench.client.create_flow_run_from_deployment(bench.deployments["unsent"])
    bench.client.set_flow_run_state(run.id, Pending(message="Taken by w8."))
    taken: set[UUID] = set()

    async def take(client: PrefectClient) -> None:
        await WorkerClient(client, "Taken by w9.", taken).set_flow_run_state(run.id, Pending())

    _with_client(take)
    assert taken == set()
    assert message(bench.client.read_flow_run(run.id)) == "Taken by w8."


def test_a_run_stays_pending_until_it_runs(bench: Bench) -> None:
    run = bench.client.create_flow_run_from_deployment(bench.deployments["unsent"])

    async def take(client: PrefectClient) -> None:
        ours = WorkerClient(client, "Taken by w9.", set())
        await ours.set_flow_run_state(run.id, Pending())
        answer = await ours.set_flow_run_state(run.id, Submitting())
        assert answer.status == SetStateStatus.ACCEPT

    _with_client(take)
    assert [state.name for state in bench.client.read_flow_run_states(run.id)] == ["Scheduled", "Pending"]


def test_a_deployment_is_read_once_in_a_moment_and_a_reader_may_change_it(bench: Bench) -> None:
    async def read_twice(client: PrefectClient) -> None:
        ours = WorkerClient(client, "", set())
        first = await ours.read_deployment(bench.deployments["look"])
        first.name = "changed"
        second = await ours.read_deployment(bench.deployments["look"])
        assert (second.name, second.id) == ("look", first.id)

    _with_client(read_twice)


def _with_client(work) -> None:  # type: ignore[no-untyped-def]
    async def connected() -> None:
        async with get_client() as client:
            await work(client)

    asyncio.run(connected())
