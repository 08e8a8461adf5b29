"""A service that is away is tried again, then named; nothing that users see changes."""

from typing import Any

import pytest

from dz.errors import ServiceUnavailable
from dz.settings import settings
from dz.tasklib.jobs import jobs, log
from tests.conftest import free_port
from tests.flows.conftest import POLLS, Platform


@pytest.mark.parametrize(
    ("step", "variables", "named"),
    [
        ("ensure database", {"DZ_SITES_DATABASE_URL": "postgresql://admin:x@127.0.0.1:{port}/postgres"}, "database"),
        (
            "ship environment",
            {
                "DZ_BUNDLE_STORE": "s3",
                "DZ_S3_ENDPOINT": "http://127.0.0.1:{port}",
                "DZ_S3_ACCESS_KEY": "a",
                "DZ_S3_SECRET_KEY": "b",
            },
            "bundle store",
        ),
    ],
)
def test_a_service_that_is_away_is_tried_three_times_and_named(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, step: str, variables: dict[str, str], named: str
) -> None:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    url, port = platform.publish("outage", POLLS), free_port()
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(port=port))
    settings.cache_clear()
    try:
        with pytest.raises(ServiceUnavailable, match=f"(?i){named}") as raised:
            build_and_deploy(DeployRequest(url=url))
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert str(port) in raised.value.found
    job: Any = jobs.newest(platform.zoomdb, limit=1)[0]
    assert (job.state, job.failure.code) == ("failed", "ServiceUnavailable")
    begun = [line.step for line in log.lines(platform.zoomdb, job.id) if line.type == "step_begin"]
    assert begun.count(step) == 3
    assert "placement" not in begun
