"""Which states of a job follow which."""

from dz.zoomdb.states import FINAL, UNSUCCESSFUL, JobState, may_become


def test_an_ended_job_stays_ended_but_for_a_further_attempt() -> None:
    for before in FINAL:
        after = {state for state in JobState if may_become(before, state)}
        assert after <= {JobState.PENDING}
    assert not may_become(JobState.SUCCEEDED, JobState.PENDING)
    assert not may_become(JobState.SUPERSEDED, JobState.PENDING)
    assert may_become(JobState.CANCELLED, JobState.PENDING)


def test_a_job_that_is_under_way_may_end_in_every_way_and_one_that_has_not_begun_has_not_succeeded() -> None:
    under_way = set(JobState) - FINAL - {JobState.PENDING}
    assert all(may_become(before, after) for before in under_way for after in FINAL | under_way)
    assert all(may_become(JobState.PENDING, state) for state in UNSUCCESSFUL | {JobState.RUNNING})
    assert not may_become(JobState.PENDING, JobState.SUCCEEDED)
