"""The walls of an app instance: what its processes see of the appserver, and what they reach."""

from pathlib import Path

from dz.adapters.walls import cgroups, exceeded
from dz.adapters.walls.cgroups import NOTHING, Use
from dz.adapters.walls.confinement import Confinement, Network, Walls, folder_of
from dz.adapters.walls.limits import Limits
from dz.errors import LimitExceeded
from dz.tasklib.appservers.instance import AppInstance

_PATIENCE = 17
"""Seconds to end in, more than gunicorn's `graceful_timeout` and less than supervisord waits."""


def of_instance(
    instance: AppInstance,
    *,
    owner: tuple[int, int] | None,
    network: Network,
    walls: Walls,
    limits: Limits,
    group: str = "",
) -> Confinement:
    """Return how an app instance's gunicorn is confined.

    Args:
        owner: uid and gid of the project's user; None: this process's own.
        group: the control group of its project; empty: none.
    """
    return Confinement(
        argv=tuple(instance.command("gunicorn", str(instance.gunicorn_file))),
        cwd=instance.home,
        python=walls.python,
        bwrap=walls.bwrap,
        docker=walls.docker,
        user=owner,
        reads=tuple(reads(instance)),
        writes=tuple(writes(instance)),
        network=network,
        listen=(instance.address, instance.port),
        limits=limits,
        group=f"{group}/{instance.program}" if group else "",
        patience=_PATIENCE,
    )


def of_file(instance: AppInstance) -> Confinement:
    """Return how an app instance is confined, as its file says."""
    return Confinement.from_json(instance.walls_file.read_text("utf-8"))


def use(instance: AppInstance) -> Use:
    """Return what the control group of an app instance says of it so far."""
    group = of_file(instance).group
    return cgroups.use(group) if group else Use()


def limit_met(instance: AppInstance, since: Use = NOTHING) -> LimitExceeded | None:
    """Return the limit that an app instance has met, if its control group says so."""
    confined = of_file(instance)
    return exceeded.counted(confined.limits, use(instance).since(since), "") if confined.group else None


def reads(instance: AppInstance) -> list[Path]:
    """Return what the processes of an app instance see."""
    python = instance.virtualenv / "bin" / "python"
    found = [instance.own, instance.bundle, instance.virtualenv, folder_of(python)]
    return [*found, instance.static] if instance.static else found


def writes(instance: AppInstance) -> list[Path]:
    """Return where the processes of an app instance may write."""
    found = [instance.home, instance.media]
    return [*found, instance.written_source] if instance.manifest.written else found
