"""Release hooks, and the environment in which a release runs."""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence

from packaging.version import InvalidVersion, Version
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from dz import names
from dz.adapters.processes import Finished
from dz.errors import HookFailed, InvalidConfig, ServiceUnavailable
from dz.tasklib import supplied
from dz.tasklib.databases import Credentials
from dz.zoomdb import Zoomdb, locks
from dz.zoomdb.models import EnvVar, Project, Release

WAIT_SECONDS = 1500
"""How long an appserver waits for another one that runs the hooks of the same release."""
_APPLYING = re.compile(r"(?:Applying |^ > )(\w+[.:]\w+)\b(?!\.\.\. ?OK)", re.MULTILINE)


def run_hooks(
    zoomdb: Zoomdb,
    release_id: int,
    *,
    run: Callable[[list[str]], Finished],
    hooks: Sequence[str],
    django_version: str | None = None,
    south: bool = False,
) -> None:
    """Run the hooks of a release once, whichever appserver comes first; the others wait and see that it is done.

    Hooks of two releases of one project never run at the same time, even if a deploy was given up meanwhile.

    Args:
        run: runs `manage.py` with these words as the project's user, with the instance's environment and a time limit.
        hooks: `migrate`, or words for `manage.py`.
        south: the project migrates with South (Django before 1.7).

    Raises:
        HookFailed: a hook failed; the text names the migration.
        ServiceUnavailable: another appserver does not end (transient).
    """
    commands = [words for hook in hooks for words in _commands(hook, django_version, south=south)]
    with zoomdb.session() as session:
        project_id = session.get_one(Release, release_id).project_id
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with zoomdb.lock(locks.HOOKS, project_id) as taken:
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


def environment_of(
    zoomdb: Zoomdb,
    release_id: int,
    *,
    credentials: Credentials,
    hosts: Sequence[str],
    origins: Sequence[str],
    static_url: str,
    media_root: str,
) -> dict[str, str]:
    """Return the environment of a release's app instances.

    The owner's variables win over the usual names, never over the platform's own.

    Args:
        hosts: names under which the site answers.
        origins: `scheme://host` of each, for Django's CSRF check.
    """
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        project_id, token = release.project_id, release.environment
        plan = release.bundle.manifest["plan"]
    owner = json.loads(zoomdb.encryption.decrypt(token, f"{names.sysid(project_id)}/release"))
    secret = owner.get("SECRET_KEY") or owner.get("DJANGO_SECRET_KEY") or ensure_secret_key(zoomdb, project_id)
    allowed = ",".join(hosts)
    usual = {"DATABASE_URL": credentials.url, "SECRET_KEY": secret, "DJANGO_SECRET_KEY": secret}
    usual |= {"ALLOWED_HOSTS": allowed, "DJANGO_ALLOWED_HOSTS": allowed, "DEBUG": "False", "DJANGO_DEBUG": "False"}
    platform = {
        "CONFIG_PG_DBNAME": credentials.name,
        "CONFIG_PG_USER": credentials.user,
        "CONFIG_PG_PASSWORD": credentials.password,
        "CONFIG_PG_HOST": credentials.host,
        "CONFIG_PG_PORT": str(credentials.port),
        "DZ_ALLOWED_HOSTS": allowed,
        "DZ_CSRF_TRUSTED_ORIGINS": ",".join(origins),
        "DZ_STATIC_URL": static_url,
        "DZ_MEDIA_ROOT": media_root,
        "DZ_PROJECT_SETTINGS_MODULE": plan["django_settings_module"],
        "DJANGO_SETTINGS_MODULE": "dz_settings",
    }
    named = supplied.values(
        plan.get("supplied_environment", ()),
        credentials=credentials,
        database_type=plan.get("database_type", "postgresql"),
        secret=secret,
        hosts=hosts,
        origins=origins,
        media_root=media_root,
    )
    return {**usual, **named, **owner, **platform}


def ensure_secret_key(zoomdb: Zoomdb, project_id: int) -> str:
    """Return the project's SECRET_KEY, made once and kept as its variable of that name."""
    owner = f"{names.sysid(project_id)}/SECRET_KEY"
    fresh = zoomdb.encryption.encrypt(secrets.token_urlsafe(50), owner)
    values = {"project_id": project_id, "name": "SECRET_KEY", "value": fresh, "secret": True}
    with zoomdb.session() as session:
        session.get_one(Project, project_id)
        session.execute(insert(EnvVar).values(values).on_conflict_do_nothing())
        query = select(EnvVar.value).where(EnvVar.project_id == project_id, EnvVar.name == "SECRET_KEY")
        return zoomdb.encryption.decrypt(session.scalars(query).one(), owner)


def _commands(hook: str, django_version: str | None, *, south: bool) -> list[list[str]]:
    words = hook.split()
    if not words or words[0].startswith("-"):
        raise InvalidConfig(f"{hook!r} cannot be a release hook.", "Name a command of manage.py, such as migrate.")
    if words != ["migrate"]:
        return [words]
    if not _before_migrations(django_version):
        return [["migrate", "--noinput"]]
    return [["syncdb", "--noinput"], *([["migrate", "--noinput"]] if south else [])]


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
