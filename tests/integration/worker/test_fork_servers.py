"""Fork-servers are replaced, and missed by no run."""

from tests.integration.worker.conftest import Bench, state


def test_killing_the_fork_server_costs_no_run(bench: Bench) -> None:
    run, facts = bench.sleep("orphan", 3)
    bench.fork_server().kill()
    assert bench.look("after-kill")["pid"] != facts["pid"]
    assert state(bench.end_of(run)) == "Completed"


def test_without_a_fork_server_runs_start_cold_and_the_log_says_so(bench: Bench) -> None:
    broken = bench.checkout / "tasks" / "probe_broken.py"
    broken.write_text("this is not Python\n")
    try:
        facts = bench.look("cold")
    finally:
        broken.unlink()
    assert bench.process
    assert facts["parent"] == bench.process.pid
    assert bench.said("starts cold, as by the process worker") == 1
