"""The platform of the flow tests, with a second project on it: the victim."""

from tests.flows.conftest import beating, platform, prefect

__all__ = ["beating", "platform", "prefect"]
