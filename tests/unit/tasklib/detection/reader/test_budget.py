"""An evaluation ends."""

import pytest

from dz.tasklib.detection.reader.budget import MAX_STEPS, Budget


def test_steps_run_out() -> None:
    budget = Budget()
    for _ in range(MAX_STEPS):
        budget.spend()
    with pytest.raises(RecursionError):
        budget.spend()


def test_time_runs_out() -> None:
    budget = Budget()
    budget.until = 0
    with pytest.raises(RecursionError):
        budget.spend()
