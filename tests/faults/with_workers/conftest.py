"""A stack with workers of all roles, two appservers and two proxies, as the tests of the whole have it."""

from tests.e2e.conftest import stack

__all__ = ["stack"]
