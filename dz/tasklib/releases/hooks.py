"""Release hooks, which run once for each release, on whichever appserver comes first."""

import contextlib
import re
import time
from collections.abc import Callable, Sequence

from packaging.version import InvalidVersion, Version
from sqlalchemy import func

from dz.adapters.processes import Finished
from dz.errors import HookFailed, InvalidConfig, ServiceUnavailable
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Release

WAIT_SECONDS = 1500
"""Seconds that an appserver waits while another one runs the project's hooks."""
_APPLYING = re.compile(r"(?:Applying |^ > )(\w+[.:]\w+)\b(?!\.\.\. ?OK)", re.MULTILINE)


def run_hooks(
    zoomdb: Zoomdb,
    release_id: int,
    *,
    run: Callable[[list[str]], Finished],
    hooks: Sequence[str],
    django_version: str | None = None,
) -> None:
    """Run the hooks of a release once, on whichever appserver comes first; the others wait until that is done.

    Hooks of two releases of one project never run at the same time, even if one of the deploys has been given up.

    Args:
        run: runs `manage.py` with these words as the project's user, with the instance's variables and a time limit.
        hooks: `migrate`, or other words for `manage.py`.

    Raises:
        HookFailed: a hook failed; the text names the migration.
        ServiceUnavailable: another appserver does not finish in time (transient).
    """
    commands = [words for hook in hooks for words in _commands(hook, django_version)]
    with zoomdb.session() as session:
        project_id = session.get_one(Release, release_id).project_id
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with zoomdb.try_lock(locks.HOOKS, project_id) as taken:
            if _done(zoomdb, release_id):
                return
            if taken:
                for words in commands:
                    _run_one(run, words)
                with zoomdb.session() as session:
                    session.get_one(Release, release_id).hooks_done = func.now()
                return
        time.sleep(0.5)
    raise ServiceUnavailable("Another appserver has not ended the hooks of this release.", "Run the job again.")


def _commands(hook: str, django_version: str | None) -> list[list[str]]:
    words = hook.split()
    if not words or words[0].startswith("-"):
        raise InvalidConfig(f"{hook!r} cannot be a release hook.", "Name a command of manage.py, such as migrate.")
    if words != ["migrate"]:
        return [words]
    if not _before_migrations(django_version):
        return [["migrate", "--noinput"]]
    return [["syncdb", "--noinput"]]


def _before_migrations(django_version: str | None) -> bool:
    with contextlib.suppress(InvalidVersion):
        return bool(django_version) and Version(str(django_version)) < Version("1.7")
    return False


def _done(zoomdb: Zoomdb, release_id: int) -> bool:
    with zoomdb.session() as session:
        return session.get_one(Release, release_id).hooks_done is not None


def _run_one(run: Callable[[list[str]], Finished], words: list[str]) -> None:
    done = run(words)
    if done.ok:
        return
    applied = _APPLYING.findall(done.output)
    where = f" in migration {applied[-1]}" if applied else ""
    how = f"did not end within {done.seconds:.0f} s" if done.timed_out else f"failed with code {done.returncode}"
    raise HookFailed(
        f"manage.py {' '.join(words)} {how}{where}; the previous version still serves. Its last lines:\n{done.tail(15)}",
        "Correct it in the project, push and deploy again; migrations before that one may already be applied.",
    )
