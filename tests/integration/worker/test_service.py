"""A worker takes the addresses that all servers share from their block; what is set on its own server wins."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from blocks.shared_settings import NAME, SharedSettings
from dz.settings import settings
from dz.worker.service import adopt_shared_settings
from tests.integration.worker.conftest import Bench


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    own = {"DZ_S3_REGION": "eu-central-1"}
    with patch.dict(os.environ, own):
        for name in ("DZ_S3_BUCKET", "DZ_S3_ENDPOINT", "DZ_GIT_HOSTS", "DZ_BUNDLE_STORE"):
            os.environ.pop(name, None)
        settings.cache_clear()
        yield
    settings.cache_clear()


def test_shared_settings_are_taken_where_the_server_has_none_of_its_own(bench: Bench) -> None:
    adopt_shared_settings()  # there is no block yet
    assert settings().s3_region == "eu-central-1"
    SharedSettings(s3_bucket="shared", s3_region="us-west-2", git_hosts=["https://git.example.org"]).save(
        NAME, overwrite=True
    )
    adopt_shared_settings()
    assert settings().s3_bucket == "shared"
    assert settings().s3_region == "eu-central-1"
