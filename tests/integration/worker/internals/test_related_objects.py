"""Events of a run name the objects around it."""

from typing import Any

from tests.integration.worker.conftest import POOL, Bench, until


def test_events_of_a_run_name_what_is_around_it(bench: Bench) -> None:
    run = bench.end_of(bench.send("step", place=str(bench.places / "touched")))
    wanted = {"event": {"name": ["prefect.task-run.Completed"]}, "related": {"id": [f"prefect.flow-run.{run.id}"]}}

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = bench.client.request("POST", "/events/filter", json={"filter": wanted}).json()[
            "events"
        ]
        return found

    until(events, 15)
    names = {(one["prefect.resource.role"], one.get("prefect.resource.name")) for one in events()[0]["related"]}
    assert names >= {("flow", "step"), ("deployment", "step"), ("work-pool", POOL), ("work-queue", "default")}
