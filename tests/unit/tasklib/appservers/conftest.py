from dataclasses import replace

import pytest

from dz.adapters.archive import Layer
from dz.tasklib.appservers.instance import AppInstance
from tests.manifests import MANIFEST


@pytest.fixture
def instance(tmp_path):
    """An app instance of which nothing lies on the disk yet."""
    return AppInstance(
        deployment_id=7,
        release_id=3,
        project_id=1,
        sysid="p00000001",
        address="10.0.0.4",
        port=21000,
        hosts=(),
        manifest=replace(MANIFEST, layers=(Layer("environment", "e" * 64, 1), Layer("code", "c" * 64, 1))),
        hooks_done=False,
        folder=tmp_path,
    )
