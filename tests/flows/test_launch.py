"""launch without workers: nobody can be asked there, so only what is clear goes live."""

import pytest

from dz.errors import ConfirmationMissing
from dz.tasklib.configuration import confirmed
from dz.tasklib.jobs import jobs, log
from dz.tasklib.launches import launches
from dz.zoomdb.states import JobKind
from flows.check_repo import check_repo
from flows.launch import launch
from tasks.parameters import LaunchRequest, Source
from tests.flows.conftest import POLLS, Platform


def test_a_launch_goes_on_from_a_check_and_where_nothing_is_to_be_asked_straight_on(platform: Platform) -> None:
    url = platform.publish("launched", POLLS)
    check_repo(Source(url=url))
    check = jobs.newest(platform.zoomdb, limit=1)[0].id
    launch(LaunchRequest(url=url, straight_on=True, check=check))
    job = jobs.newest(platform.zoomdb, project="launched", limit=2)[-1]
    assert (job.kind, job.state, job.id) == ("launch", "succeeded", check + 1)  # no check of its own came between
    view = launches.get(platform.zoomdb, job.id)
    assert (view.check, view.deploy) == (check, job.id + 1)
    assert (view.confirmed, view.form) == (True, 0)
    stored = confirmed.newest(platform.zoomdb, platform.project_id("launched"))
    assert stored == view.answer["config"]


def test_where_nobody_can_be_asked_the_launch_says_so(platform: Platform) -> None:
    url = platform.publish("unasked", POLLS)
    other = jobs.open_job(platform.zoomdb, JobKind.CHECK_REPO, params={"url": "git://127.0.0.1:9/other.git"})
    with pytest.raises(ConfirmationMissing, match="nobody can be asked"):
        launch(LaunchRequest(url=url, check=other))
    job = jobs.newest(platform.zoomdb, project="unasked", limit=1)[0]
    assert (job.kind, job.state) == ("launch", "failed")
    [said] = log.warnings(log.lines(platform.zoomdb, job.id))
    assert said == f"Check {other} cannot be gone on from: it is pending. The repository is checked again."
    assert launches.get(platform.zoomdb, job.id).check not in (None, other)
