"""A run that goes on for a while stops when somebody suspends it."""

from prefect.states import Suspended

from tests.integration.worker.conftest import Bench, state, until


def test_a_long_run_is_suspended_between_its_tasks(bench: Bench) -> None:
    place = bench.places / "suspended"
    run = bench.send("steps", place=str(place), count=200)
    until(place.exists, 30)
    # It is watched from its third second on, and has stopped when it touches the place no more.
    bench.client.set_flow_run_state(run.id, Suspended(timeout_seconds=600), force=True)
    until(lambda: _stopped(bench, run.id), 40)
    assert state(bench.client.read_flow_run(run.id)) == "Suspended"


def _stopped(bench: Bench, run: object) -> bool:
    return bench.said(f"Execution of flow run '{run}' is paused") == 1
