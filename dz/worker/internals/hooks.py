"""Lists all hooks, says which of them the installed Prefect has the names for, and applies them to a process."""

import functools
from types import ModuleType

from prefect.logging import get_logger

from dz.worker.internals import (
    entrypoint,
    executions,
    heartbeats,
    labels,
    loaded_flow,
    names,
    related_objects,
    settings,
    suspension,
    tls,
)

HOOKS: tuple[ModuleType, ...] = (
    entrypoint,
    executions,
    heartbeats,
    labels,
    loaded_flow,
    related_objects,
    settings,
    suspension,
    tls,
)
REPLACING: tuple[ModuleType, ...] = (heartbeats, suspension, tls)
"""The hooks that replace names of Prefect's for a whole process, whatever it runs."""
logger = get_logger("warm_worker")


@functools.cache
def present(hook: ModuleType) -> bool:
    """Say whether the installed Prefect has all that a hook relies on."""
    return not names.missing(hook.NAMES)


def report() -> None:
    """Warn of hooks that are left out."""
    for hook in HOOKS:
        if not present(hook):
            lacking = ", ".join(names.missing(hook.NAMES))
            logger.warning("%s is left out, for this Prefect lacks: %s.", hook.__name__, lacking)


def replace() -> None:
    """Apply the hooks that replace names of Prefect's to this process."""
    for hook in REPLACING:
        if present(hook):
            hook.apply()
