"""Verifies projects in the virtualenv that the tests share."""

import pytest

from dz.tasklib.verification import verification
from tests.integration.django_projects import PLAN


@pytest.fixture
def check(build_server, sandbox, built, open_folder):
    """Verify a project in the shared environment."""

    def run(checkout, plan=PLAN, timeout=60, **variables):
        return verification.verify(
            plan,
            checkout,
            built,
            work=open_folder / "work",
            sandbox=sandbox,
            variables=variables,
            timeout=timeout,
        )

    return run
