"""A limit on a tag holds, though runs ask for none that their worker knows of."""

import time

from dz.worker.internals import limits
from tests.integration.worker.conftest import Bench, state


def test_a_limit_on_a_tag_holds(bench: Bench) -> None:
    bench.client.request(
        "POST", "/v2/concurrency_limits/", json={"name": "tag:role:build", "limit": 1, "active_slots": 1}
    )
    time.sleep(limits.LEARN_SECONDS + 2)
    place = bench.places / "limited"
    run = bench.send("step", place=str(place))
    time.sleep(4)
    assert not place.exists()
    bench.client.request("DELETE", "/v2/concurrency_limits/{id_or_name}", path_params={"id_or_name": "tag:role:build"})
    assert state(bench.end_of(run)) == "Completed"
