"""Release hooks, which run once for each release, on whichever appserver comes first."""

import contextlib
import functools
import re
import time
from collections.abc import Callable, Sequence

from packaging.version import InvalidVersion, Version
from sqlalchemy import func

from dz.adapters.processes import Finished
from dz.errors import HookFailed, InvalidConfig, ServiceUnavailable, TimeLimitExceeded
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import Project, Release

WAIT_SECONDS = 1500
"""Seconds that an appserver waits while another one runs the project's hooks."""
_TAKEN = re.compile(
    r"^CommandError: Error: That .+ is already taken\.$|^DETAIL: +Key .+ already exists\.$", re.MULTILINE
)
"""What is said of a superuser who is there: by Django's `createsuperuser`, or before Django 3.0 by PostgreSQL."""
LOCK_SECONDS = 90
"""Seconds within which a migration must get its locks; each try waits for `shim/dz_locks.SECONDS`."""
LOCK_PAUSE = 3.0
"""Seconds between two tries, in which requests go on; longer than a try, so that none waits for two."""
_LOCKED = re.compile(r"^dz_locks: (.+)$", re.MULTILINE)
_APPLYING = re.compile(r"(?:Applying |^ > )(\w+[.:]\w+)\b(?!\.\.\. ?OK)", re.MULTILINE)


def run_hooks(
    zoomdb: Zoomdb,
    release_id: int,
    *,
    run: Callable[[list[str]], Finished],
    hooks: Sequence[str],
    django_version: str | None = None,
    once_migrated: Callable[[], None] = lambda: None,
    may_run: Callable[[], None] = lambda: None,
    waits: Callable[[str], None] = lambda _: None,
) -> None:
    """Run the hooks of a release once, on whichever appserver comes first; the others wait until that is done.

    Hooks of two releases of one project never run at the same time, even if one of the deploys has been given up.

    Args:
        run: runs `manage.py` with these words as the project's user, with the instance's variables and a time limit.
        once_migrated: called after the last `migrate`, before other hooks that follow.
        may_run: called before each command; raises what refuses stale work.
        waits: told who holds the lock that a migration waits for.
        hooks: `migrate`, or other words for `manage.py`.

    Raises:
        HookFailed: a hook failed; the text names the migration.
        LimitExceeded: it failed at a limit.
        ServiceUnavailable: another appserver does not finish in time (transient).
    """

    def current(words: list[str]) -> Finished:
        may_run()
        return run(words)

    commands = [words for hook in hooks for words in _commands(hook, django_version)]
    with zoomdb.session() as session:
        project_id = session.get_one(Release, release_id).project_id
        seen = session.get_one(Project, project_id).current_release_id is not None
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with zoomdb.try_lock(locks.HOOKS, project_id) as taken:
            if _done(zoomdb, release_id):
                return
            if taken:
                last = max((place for place, words in enumerate(commands) if words[0] == "migrate"), default=None)
                for place, words in enumerate(commands):
                    _run_one(functools.partial(_unlocked, current, waits), words, seen=seen)
                    if place == last:
                        once_migrated()
                with zoomdb.session() as session:
                    session.get_one(Release, release_id).hooks_done = func.now()
                return
        time.sleep(0.5)
    raise ServiceUnavailable("Another appserver has not ended the hooks of this release.", "Run the job again.")


def _commands(hook: str, django_version: str | None) -> list[list[str]]:
    words = hook.split()
    if not words or words[0].startswith("-"):
        raise InvalidConfig(f"{hook!r} cannot be a release hook.", "Name a command of manage.py, such as migrate.")
    if words[0] == "createsuperuser" and not {"--noinput", "--no-input"} & set(words):
        return [[*words, "--noinput"]]  # there is nobody to ask; without it the command does nothing and says "fine"
    if words != ["migrate"]:
        return [words]
    if _is_before(django_version, "1.7"):
        return [["syncdb", "--noinput"]]
    # The build has run the checks. Here they would load the URLs, and what those read from tables that are yet to come.
    return [["migrate", "--noinput", *([] if _is_before(django_version, "3.0") else ["--skip-checks"])]]


def _is_before(django_version: str | None, version: str) -> bool:
    with contextlib.suppress(InvalidVersion):
        return bool(django_version) and Version(str(django_version)) < Version(version)
    return False


def _done(zoomdb: Zoomdb, release_id: int) -> bool:
    with zoomdb.session() as session:
        return session.get_one(Release, release_id).hooks_done is not None


def _unlocked(run: Callable[[list[str]], Finished], waits: Callable[[str], None], words: list[str]) -> Finished:
    """Run one command, again and again for a while if it did not get a lock that requests of the site hold."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = run(words)
        held = None if done.ok else _LOCKED.search(done.output)
        if not held or time.monotonic() > deadline:
            return done
        waits(held[1][:600])
        time.sleep(LOCK_PAUSE)


def _run_one(run: Callable[[list[str]], Finished], words: list[str], *, seen: bool) -> None:
    """Run one command; a superuser who is there already was made by an earlier version.

    Args:
        seen: users see a version of the project.
    """
    done = run(words)
    if done.ok or (words[0] == "createsuperuser" and _TAKEN.search(done.output)):
        return
    applied = _APPLYING.findall(done.output)
    where = f" in migration {applied[-1]}" if applied else ""
    if held := _LOCKED.findall(done.output):
        raise HookFailed(
            f"manage.py {' '.join(words)} did not get a lock{where} within {LOCK_SECONDS} s, in tries of a few seconds so that "
            f"no request waits longer: {held[-1][:600]}.",
            "Have the site end its transactions (idle_in_transaction_session_timeout ends those that wait for nothing), or "
            "deploy again when less goes on.",
        )
    how = f"did not end within {done.seconds:.0f} s" if done.timed_out else f"failed with code {done.returncode}"
    serves = "; the previous version still serves" if seen else ""
    found = f"manage.py {' '.join(words)} {how}{where}{serves}."
    if done.exceeded:
        raise type(done.exceeded)(f"{found} {done.exceeded.found}", done.exceeded.remedy)
    kind = TimeLimitExceeded if done.timed_out else HookFailed
    raise kind(
        f"{found} Its last lines:\n{done.tail(15)}",
        "Correct it in the project, push and deploy again; migrations before that one may already be applied.",
    )
