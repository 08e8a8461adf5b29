"""What the platform puts into variables whose names a project has chosen."""

import json
from collections.abc import Mapping, Sequence

from dz.tasklib.databases import Credentials

_ENGINES = {"postgresql-gis": "django.contrib.gis.db.backends.postgis"}


def platform_variables(
    fills: Sequence[tuple[str, str]],
    *,
    credentials: Credentials,
    database_type: str,
    secret: str,
    hosts: Sequence[str],
    origins: Sequence[str],
    media_root: str,
) -> dict[str, str]:
    """Return the values of a plan's `platform_variables`.

    Args:
        fills: pairs of a variable's name and what fills it; see `detection.model.Variable.fills`.
        origins: `scheme://host` of each host.
    """
    known = {
        "database_url": credentials.url,
        "database_name": credentials.name,
        "database_user": credentials.user,
        "database_password": credentials.password,
        "database_host": credentials.host,
        "database_port": str(credentials.port),
        "database_engine": _ENGINES.get(database_type, "django.db.backends.postgresql"),
        "secret_key": secret,
        "debug": "False",
        "debug_number": "0",
        "debug_flag": "",
        "media_root": media_root,
        **_addresses(hosts, origins),
    }
    return {name: _value(known, what) for name, what in fills if what in known or what.startswith("=")}


def _addresses(hosts: Sequence[str], origins: Sequence[str]) -> dict[str, str]:
    return {
        "host": hosts[0] if hosts else "",
        "hosts": ",".join(hosts),
        "hosts_json": json.dumps(list(hosts)),
        "origins": ",".join(origins),
        "origins_json": json.dumps(list(origins)),
        "site_url": origins[0] if origins else "",
    }


def _value(known: Mapping[str, str], fills: str) -> str:
    return fills[1:] if fills.startswith("=") else known[fills]
