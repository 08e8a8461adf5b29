"""A run does not wait for its labels, and gets them."""

from tests.integration.worker.conftest import POOL, Bench, until


def test_a_run_has_the_labels_of_its_worker_a_little_later(bench: Bench) -> None:
    run = bench.end_of(bench.send("step", place=str(bench.places / "labelled")))

    def labels() -> dict[str, object]:
        return dict(bench.client.read_flow_run(run.id).labels)

    until(lambda: "prefect.worker.name" in labels(), 30)
    assert (labels()["prefect.worker.name"], labels()["prefect.work-pool.name"]) == ("w1", POOL)
