"""The variables with which the app instances of a release run."""

import json
from collections.abc import Mapping, Sequence

from dz import names
from dz.tasklib.bundles.manifest import SHIM_MODULE, Manifest
from dz.tasklib.databases import Credentials
from dz.tasklib.variables.platform import platform_variables
from dz.tasklib.variables.stored import ensure_secret_key
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Release


def seal(zoomdb: Zoomdb, project_id: int, owner: Mapping[str, str]) -> bytes:
    """Return an owner's variables as a release of the project keeps them: encrypted, and never to change again."""
    return zoomdb.encryption.encrypt(json.dumps(dict(owner)), f"{names.sysid(project_id)}/release")


def unseal(zoomdb: Zoomdb, project_id: int, sealed: bytes) -> dict[str, str]:
    """Return the owner's variables that a release of the project keeps."""
    found: dict[str, str] = json.loads(zoomdb.encryption.decrypt(sealed, f"{names.sysid(project_id)}/release"))
    return found


def variables_of(
    zoomdb: Zoomdb,
    release_id: int,
    *,
    credentials: Credentials,
    hosts: Sequence[str],
    origins: Sequence[str],
    static_url: str,
    media_root: str,
) -> dict[str, str]:
    """Return the variables with which the app instances of a release run.

    The owner's variables override the usual names, but never the platform's own.

    Args:
        hosts: the host names that the site answers to.
        origins: `scheme://host` of each, for Django's CSRF check.
    """
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        project_id, sealed = release.project_id, release.environment
        plan = Manifest.from_json(release.bundle.manifest).plan
    owner = unseal(zoomdb, project_id, sealed)
    secret = owner.get("SECRET_KEY") or owner.get("DJANGO_SECRET_KEY") or ensure_secret_key(zoomdb, project_id)
    named = platform_variables(
        plan.platform_variables,
        credentials=credentials,
        database_type=plan.database_type,
        secret=secret,
        hosts=hosts,
        origins=origins,
        media_root=media_root,
    )
    own = {
        "DZ_ALLOWED_HOSTS": ",".join(hosts),
        "DZ_CSRF_TRUSTED_ORIGINS": ",".join(origins),
        "DZ_STATIC_URL": static_url,
        "DZ_MEDIA_ROOT": media_root,
        "DZ_PROJECT_SETTINGS_MODULE": plan.django_settings_module,
        "DJANGO_SETTINGS_MODULE": SHIM_MODULE,
    }
    return {**_usual(credentials, secret, hosts), **named, **owner, **_of_database(credentials), **own}


def _usual(credentials: Credentials, secret: str, hosts: Sequence[str]) -> dict[str, str]:
    """Return what projects usually read, under the names that they usually have."""
    allowed = ",".join(hosts)
    usual = {"DATABASE_URL": credentials.url, "SECRET_KEY": secret, "DJANGO_SECRET_KEY": secret}
    usual |= {"ALLOWED_HOSTS": allowed, "DJANGO_ALLOWED_HOSTS": allowed, "DEBUG": "False", "DJANGO_DEBUG": "False"}
    return usual


def _of_database(credentials: Credentials) -> dict[str, str]:
    return {
        "CONFIG_PG_DBNAME": credentials.name,
        "CONFIG_PG_USER": credentials.user,
        "CONFIG_PG_PASSWORD": credentials.password,
        "CONFIG_PG_HOST": credentials.host,
        "CONFIG_PG_PORT": str(credentials.port),
    }
