"""Runs the hooks of a release on an appserver: in the app instance that has loaded the project, or in a new process."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

from dz.adapters import loaded_project, users
from dz.adapters.loaded_project import LoadedProject
from dz.adapters.processes import Finished
from dz.adapters.sandbox import Sandbox
from dz.adapters.supervisor import Supervisor
from dz.tasklib.appservers import data, health, walls
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.jobs import fencing, log
from dz.tasklib.releases import hooks
from dz.tasklib.variables.redaction import redacted
from dz.zoomdb import Zoomdb

HOOK_TIMEOUT = 1500
"""Seconds for one release hook, less than a task may take, which is less than a parent waits."""


def run_hooks(
    zoomdb: Zoomdb, instance: AppInstance, job: int, *, supervisor: Supervisor, sandbox: Sandbox, timeout: float
) -> None:
    """Run the hooks of a release once, as the project's user; an app instance that is held serves afterwards.

    Args:
        job: it learns how many rows were copied from a database that was committed with the code.
        timeout: seconds that a held instance may take to load the project.
    """
    manifest = instance.manifest
    with redacted(instance.secrets()), _manage(zoomdb, instance, supervisor, sandbox, timeout) as manage:
        hooks.run_hooks(
            zoomdb,
            instance.release_id,
            run=manage,
            hooks=manifest.plan.hooks,
            django_version=manifest.django,
            may_run=functools.partial(fencing.refuse_stale, zoomdb, job),
            waits=functools.partial(_tell, zoomdb, job),
            once_migrated=functools.partial(data.copy_once, zoomdb, instance, job, run=manage),
        )


def _tell(zoomdb: Zoomdb, job: int, held: str) -> None:
    log.note(zoomdb, job, [], info=f"a migration waits for a lock and will try again, so that requests go on: {held}")


@contextlib.contextmanager
def _manage(
    zoomdb: Zoomdb, instance: AppInstance, supervisor: Supervisor, sandbox: Sandbox, timeout: float
) -> Iterator[Callable[[list[str]], Finished]]:
    """Yield what runs `manage.py`: an app instance that is held, once the project is loaded, or else a new process."""
    if not instance.hold.is_dir():

        def in_new_process(words: list[str]) -> Finished:
            return sandbox.run(
                instance.command("manage", *words),
                cwd=instance.home,
                env={},
                timeout=HOOK_TIMEOUT,
                reads=walls.reads(instance),
                writes=walls.writes(instance),
                network=walls.of_file(instance).network,
            )

        yield in_new_process
        return
    before = walls.use(instance)

    def in_the_instance(project: LoadedProject, words: list[str]) -> Finished:
        done = project.run(words, timeout=HOOK_TIMEOUT)
        return done if done.ok else replace(done, exceeded=walls.limit_met(instance, before))

    owner = users.ensure_user(sandbox.user) if sandbox.user else None
    with (
        health.taken_down_on_failure(zoomdb, instance, supervisor=supervisor),
        loaded_project.loaded(
            instance.hold,
            owner=owner,
            alive=functools.partial(health.is_alive, instance, supervisor),
            timeout=timeout,
        ) as project,
    ):
        yield functools.partial(in_the_instance, project)
