"""The local stack as `dz try` needs it: up, and where one signs in."""

import importlib

from dz.cli import output
from dz.settings import settings

SIGN_IN = "to sign in, use prefect_auth_string of the stack's settings.json"


def ensure_up(*, appservers: int | None, proxies: int | None) -> None:
    """Start what does not run of the local stack, and read the settings that it wrote.

    Args:
        appservers: how many appservers it should have; None: as many as it has, or one.
        proxies: how many proxies it should have; None: as many as it has, or one.

    Raises:
        StackProblem, PortTaken: it cannot be started.
    """
    stack = importlib.import_module("infra.local.stack")
    stack.ensure_up(appservers=appservers, proxies=proxies, progress=lambda text: output.note(f"  {text}"))
    settings.cache_clear()
