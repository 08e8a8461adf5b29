"""The whole platform in this process, as the tests of flows have it."""

from tests.flows.conftest import beating, platform, prefect

__all__ = ["beating", "platform", "prefect"]
