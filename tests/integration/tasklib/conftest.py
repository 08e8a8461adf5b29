"""The virtualenv of a small Django project, which the rooms share."""

import pytest

from dz.adapters.installer import UvInstaller
from dz.tasklib.virtualenvs import virtualenvs
from tests.integration.django_projects import PLAN, make_project


@pytest.fixture(scope="session")
def built(build_server, sandbox, python):
    """The one environment that the tests share."""
    checkout = make_project(build_server / "shared")
    return virtualenvs.create(
        PLAN, checkout, folder=build_server / "envs", interpreter=python, installer=UvInstaller(), sandbox=sandbox
    )
