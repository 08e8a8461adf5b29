"""The fork-server ends what runs leave behind."""

import json

from tests.integration.worker.conftest import Bench, gone, state, until


def test_a_program_that_outlives_its_run_is_ended(bench: Bench) -> None:
    place = bench.places / "leaves"
    run = bench.end_of(bench.send("leave", place=str(place)))
    assert state(run) == "Completed"
    until(lambda: gone(json.loads(place.read_text())["program"]), 10)
