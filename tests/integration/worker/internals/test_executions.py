"""A run is cancelled with all that it has started."""

from prefect.states import Cancelling

from tests.integration.worker.conftest import Bench, gone, state, until


def test_cancelling_ends_the_run_and_the_programs_it_started(bench: Bench) -> None:
    run, facts = bench.sleep("cancelled", 300)
    bench.client.set_flow_run_state(run.id, Cancelling(), force=True)
    assert state(bench.end_of(run)) == "Cancelled"
    until(lambda: gone(facts["pid"]) and gone(facts["program"]), 5)
