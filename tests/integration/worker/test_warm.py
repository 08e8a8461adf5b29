"""What the process worker promises holds for the warm one, without its cold starts."""

import time
from pathlib import Path

from dz.zoomdb import notices
from tests.integration.worker.conftest import Bench, gone, message, state, until


def test_a_run_that_raises_fails_and_one_that_dies_is_crashed_with_its_exit_code(bench: Bench) -> None:
    runs = [bench.send("fail"), bench.send("die", how="killed"), bench.send("die", how="exits")]
    failed, killed, exited = [bench.end_of(run) for run in runs]
    assert (state(failed), message(failed)) == (
        "Failed",
        "Flow run encountered an exception: RuntimeError: this is wrong",
    )
    assert (state(killed), state(exited)) == ("Crashed", "Crashed")
    assert "status code: -9" in message(killed)
    assert "status code: 3" in message(exited)


def test_a_worker_runs_no_more_than_its_limit(bench: Bench) -> None:
    pair = [bench.sleep(f"limit-{number}", 10) for number in (1, 2)]
    third = bench.places / "limit-3"
    run = bench.send("look", place=str(third))
    time.sleep(1.5)
    assert not third.exists()
    for busy, _ in pair:
        bench.end_of(busy)
    begun = time.monotonic()
    assert state(bench.end_of(run)) == "Completed"
    assert time.monotonic() - begun < 15  # the worker polls every minute


def test_changed_code_is_used_by_the_next_run_and_the_run_under_way_goes_on(bench: Bench) -> None:
    run, facts = bench.sleep("old", 6)
    assert facts["value"] == 1
    old = bench.fork_server()
    (bench.checkout / "tasks" / "probe_value.py").write_text("VALUE = 2  # changed\n")
    assert bench.look("new")["value"] == 2
    assert state(bench.end_of(run)) == "Completed"
    assert Path(f"{bench.places / 'old'}.done").exists()
    old.wait(15)
    until(lambda: bench.said("begins anew") == 1, 10)


def test_a_killed_worker_leaves_its_run_and_the_next_worker_takes_new_work(bench: Bench) -> None:
    run, _ = bench.sleep("left", 4)
    assert bench.process
    bench.process.kill()
    bench.process.wait(10)
    bench.start_worker()
    assert bench.look("next")["parent"] == bench.fork_server().pid
    assert state(bench.end_of(run)) == "Completed"


def test_a_stopped_worker_ends_its_runs_and_leaves_no_process(bench: Bench) -> None:
    run, facts = bench.sleep("stopped", 300)
    server = bench.fork_server()
    bench.stop_worker()
    until(lambda: gone(facts["pid"]) and gone(facts["program"]) and gone(server.pid), 20)
    assert state(bench.end_of(run)) == "Crashed"
    bench.start_worker()


def test_a_run_tells_that_it_is_completed_and_of_any_other_end_just_that_it_has_ended(bench: Bench) -> None:
    with notices.listen(bench.zoomdb, notices.ENDED) as heard:
        good, bad = bench.send("step", place=str(bench.places / "told")), bench.send("fail")
        told: set[str] = set()
        until(lambda: told.update(heard.wait(1)) or {f"{good.id}/completed", str(bad.id)} <= told, 30)
    assert f"{bad.id}/completed" not in told
