"""How much of a server a project may ask for in its configuration."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from dz.errors import InvalidConfig
from dz.tasklib.configuration.plan import Plan


@dataclass(frozen=True)
class Bounds:
    """The operator's bounds of keys of `zoombuild.cfg`, by key.

    Args:
        memory_mb: MiB of an app instance.
    """

    instances: int = 20
    processes: int = 16
    threads: int = 64
    memory_mb: int = 4096


SETTINGS = {
    "instances": "DZ_MOST_INSTANCES",
    "processes": "DZ_MOST_PROCESSES",
    "threads": "DZ_MOST_THREADS",
    "memory_mb": "DZ_SITE_MEMORY_MOST_MB",
}
"""The setting that says each bound."""


def bounded(plan: Plan, bounds: Bounds, *, chosen: Collection[str]) -> Plan:
    """Return a plan within the bounds: what was only detected is cut, with a warning.

    Args:
        chosen: the keys that a configuration of the project sets.

    Raises:
        InvalidConfig: the project asks for more; the text names the key and the bound.
    """
    for field in fields(bounds):
        key, wanted, most = field.name, getattr(plan, field.name), getattr(bounds, field.name)
        if wanted is None or wanted <= most:
            continue
        raising = f"the operator may raise {SETTINGS[key]}"
        if key in chosen:
            raise InvalidConfig(
                f"zoombuild.cfg asks for {key} = {wanted}; here {most} is the most.",
                f"Set {key} to {most} or less; {raising}.",
            )
        said = f"The project's own start command asks for {key} = {wanted}; it gets {most}, the most here ({raising})."
        plan = replace(plan, **{key: most}, warnings=(*plan.warnings, said))
    return plan
