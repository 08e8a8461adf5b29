"""launch without workers: nobody can be asked there, so only what is clear goes live."""

import pytest

from dz.errors import ConfirmationMissing
from dz.tasklib.configuration import confirmed
from dz.tasklib.jobs import jobs
from dz.tasklib.launches import launches
from flows.launch import launch
from tasks.parameters import LaunchRequest
from tests.flows.conftest import POLLS, Platform


def test_a_launch_with_nothing_to_ask_goes_straight_on_and_stores_what_was_built(platform: Platform) -> None:
    url = platform.publish("launched", POLLS)
    launch(LaunchRequest(url=url, straight_on=True))
    job = jobs.newest(platform.zoomdb, project="launched", limit=2)[-1]
    assert (job.kind, job.state) == ("launch", "succeeded")
    view = launches.get(platform.zoomdb, job.id)
    assert (view.confirmed, view.form) == (True, 0)
    stored = confirmed.newest(platform.zoomdb, platform.project_id("launched"))
    assert stored == view.answer["config"]


def test_where_nobody_can_be_asked_the_launch_says_so(platform: Platform) -> None:
    url = platform.publish("unasked", POLLS)
    with pytest.raises(ConfirmationMissing, match="nobody can be asked"):
        launch(LaunchRequest(url=url))
    job = jobs.newest(platform.zoomdb, project="unasked", limit=1)[0]
    assert (job.kind, job.state) == ("launch", "failed")
