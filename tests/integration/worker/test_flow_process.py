"""The process of a flow run is what a fresh one would be."""

import json
from pathlib import Path
from uuid import UUID

from tests.integration.worker.conftest import Bench, until


def test_a_run_is_forked_with_the_pools_environment_and_folder_and_its_log_is_shipped(bench: Bench) -> None:
    facts = bench.look("first")
    assert facts["parent"] == bench.fork_server().pid
    assert facts["folder"] == str(bench.checkout)
    assert str(bench.checkout) in facts["path"]
    assert facts["environment"]["PROBE"] == "of the pool"
    assert facts["environment"]["DZ_CANARY"] == "of the worker"
    until(lambda: bench.said(f"printed for {bench.places / 'first'}") == 1, 10)
    run = bench.client.read_flow_run(UUID(facts["environment"]["PREFECT__FLOW_RUN_ID"]))
    until(lambda: any("a line for the log" in text for text in bench.log_of(run)), 10)


def test_the_engine_gets_what_the_process_worker_gives_it_and_nothing_of_the_fork_server(bench: Bench) -> None:
    facts = bench.look("bare")
    assert {"PREFECT__FLOW_RUN_ID", "PREFECT__FLOW_NAME", "PREFECT__WORKER_NAME"} <= facts["environment"].keys()
    assert "PREFECT__CONTROL_TOKEN" not in facts["environment"]
    sockets = [name for name in facts["files"] if name.startswith("socket:")]
    fork_server = {str(path.readlink()) for path in Path(f"/proc/{bench.fork_server().pid}/fd").iterdir()}
    assert not fork_server.intersection(sockets)


def test_nothing_of_a_run_is_left_to_the_next(bench: Bench) -> None:
    bench.look("before", env={"PROBE": "of one run", "ONLY_HERE": "yes"})
    after = bench.look("after")
    assert after["seen"] == []
    assert "LEFT_BEHIND" not in after["environment"]
    assert "ONLY_HERE" not in after["environment"]
    assert after["environment"]["PROBE"] == "of the pool"
    assert after["folder"] == str(bench.checkout)
    assert str(bench.places / "before") not in after["path"]
    assert after["state_dir"] == str(bench.places)
    assert json.loads((bench.places / "before").read_text())["environment"]["PROBE"] == "of one run"
