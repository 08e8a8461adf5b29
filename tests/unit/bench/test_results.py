import json

import pytest

from bench.results import OURS, PLAIN, SMART, Results

RATIOS = {
    *("first_cold", "first_warm", "code_only", "code_only_smart", "nothing_changed", "one_dependency", "rollback"),
    *("hop_stock_over_warm", "hop_seconds"),
}


def test_every_ratio_is_named_even_when_nothing_was_measured() -> None:
    assert Results().ratios() == dict.fromkeys(RATIOS)


def test_ratios_divide_medians_of_the_cases_that_belong_together() -> None:
    results = Results()
    for seconds in (1.0, 3.0, 100.0):
        results.add("code_only", OURS, seconds)
    results.add("code_only", PLAIN, 6.0)
    results.add("code_only", SMART, 2.0)
    results.add("rollback", OURS, 1.5)
    results.add("nothing_changed", OURS, 0.6)
    results.add("hop", OURS, 0.4)
    results.add("hop", "stock", 8.0)
    found = results.ratios()
    assert (found["code_only"], found["code_only_smart"]) == (0.5, 1.5)
    assert (found["rollback"], found["nothing_changed"]) == (0.25, 0.1)
    assert (found["hop_stock_over_warm"], found["hop_seconds"]) == (20.0, 0.4)
    assert found["first_cold"] is None


def test_the_json_holds_min_median_and_max_of_every_step() -> None:
    results = Results()
    for seconds in (2.0, 5.0, 4.0):
        results.add("code_only", PLAIN, seconds, {"check": seconds / 2})
    found = json.loads(json.dumps(results.to_json()))["cases"]["code_only"][PLAIN]
    assert {name: found[name] for name in ("n", "min", "median", "max")} == {"n": 3, "min": 2, "median": 4, "max": 5}
    assert found["steps"]["check"]["median"] == pytest.approx(2.0)
