"""The variables that a deploy has to set, and who knows their values."""

import base64
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from dz.tasklib.detection.model import Variable
from dz.tasklib.detection.reader import Reading
from dz.tasklib.detection.reader.origins import Origins
from dz.tasklib.detection.reader.stages import in_production, is_switch
from dz.tasklib.detection.reader.values import Unknown, UrlDatabase
from dz.tasklib.detection.reader.variables import Variables

_SECRET = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|SALT|CREDENTIALS?|PRIVATE|SIGNING|(^|_)(KEY|PASS|PWD|DSN|JWT)(_|$|\d)",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"PUBLIC|PUBLISHABLE|KEY_?(ID|PREFIX|NAME|PATH|FILE)|_(ID|URL|TTL|AGE|LIFETIME|EXPIR\w*)$", re.IGNORECASE
)
_OWN_SECRET = re.compile(
    r"(^|_)(DJANGO|APP|SITE|WEB|FLASK)?_?SECRET(_KEY)?$|SALT|SIGNING_(KEY|SECRET)|(^|_)JWT_(SECRET|KEY)|JWT_SECRET"
    r"|(FERNET|ENCRYPTION|CRYPT\w*|HASH\w*|COOKIE|SESSION|CSRF)_(KEYS?|SECRETS?)$|SECRET_KEY_FALLBACK",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"AWS|S3|AZURE|GOOGLE|GCP|GCS|STRIPE|PAYPAL|GITHUB|GITLAB|FACEBOOK|TWITTER|OAUTH|SOCIAL|CLIENT|API|MAIL|SENDGRID|TWILIO"
    r"|CAPTCHA|CLOUDINARY|SENTRY|SPACES|DROPBOX|OPENAI|AUTH0|OIDC|SAML|LINKEDIN|SLACK|TELEGRAM|DISCORD|RAZORPAY|WEBHOOK"
    r"|ALGOLIA|PUSHER|ACCESS|CONSUMER|HOST|STORAGE|BUCKET",
    re.IGNORECASE,
)
_SERVER = re.compile(
    r"REDIS|BROKER|RABBIT|AMQP|MEMCACHE|ELASTIC|OPENSEARCH|MEILI|SOLR|MONGO|CELERY_RESULT", re.IGNORECASE
)
_FERNET = re.compile(r"FERNET|ENCRYPTION|CRYPT", re.IGNORECASE)
_DATABASE = (
    r"(?!.*(?:MONGO|REDIS|CELERY|ELASTIC|INFLUX|NEO4J|TEST|REPLICA|LEGACY|SLAVE|READ|SECOND|OLD|ANALYTICS|WAREHOUSE))"
    r"(?:[A-Z0-9]+_)*(?:DB|DATABASE|POSTGRES|POSTGRESQL|PG|PSQL|SQL|RDS|MYSQL)_?"
)
_NAMED = {
    "database_url": re.compile(r"(?:DJANGO_|APP_)?(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG)_?(?:URL|URI|DSN)"),
    "database_name": re.compile(_DATABASE + r"(?:NAME|DB|DBNAME|DATABASE|DB_NAME)"),
    "database_user": re.compile(_DATABASE + r"(?:USER|USERNAME|USR|LOGIN)"),
    "database_password": re.compile(_DATABASE + r"(?:PASSWORD|PASS|PASSWD|PWD|PW)"),
    "database_host": re.compile(_DATABASE + r"(?:HOST|HOSTNAME|SERVER|ADDRESS)"),
    "database_port": re.compile(_DATABASE + r"PORT"),
    "secret_key": re.compile(r"(?:\w+_)?DJANGO_SECRET(?:_KEY)?|SECRET_KEY"),
    "hosts": re.compile(r"(?:DJANGO_)?ALLOWED_HOSTS?"),
    "debug": re.compile(r"(?:DJANGO_)?DEBUG"),
    "origins": re.compile(r"(?:DJANGO_)?CSRF_TRUSTED_ORIGINS"),
    "cross_origins": re.compile(r"(?:DJANGO_)?CORS_(?:(?:ALLOWED_|TRUSTED_)?ORIGINS|(?:ORIGIN_)?WHITELIST)"),
}
"""Names that mean the same thing wherever settings use them."""
_SETTINGS = {
    "secret_key": ("SECRET_KEY",),
    "hosts": ("ALLOWED_HOSTS",),
    "debug": ("DEBUG",),
    "origins": ("CSRF_TRUSTED_ORIGINS",),
    "media_root": ("MEDIA_ROOT",),
    "site_url": ("WAGTAILADMIN_BASE_URL", "SITE_URL", "BASE_URL"),
}
_DATABASE_KEYS = {"NAME": "database_name", "USER": "database_user", "PASSWORD": "database_password",
                  "HOST": "database_host", "PORT": "database_port", "ENGINE": "database_engine"}  # fmt: skip
_OWN = re.compile(r"CONFIG_PG_\w+|DZ_\w+|DJANGO_SETTINGS_MODULE|HOME|PATH|LANG|TMPDIR")
_USUAL = re.compile(r"DATABASE_URL|(DJANGO_)?(SECRET_KEY|ALLOWED_HOSTS|DEBUG)")
"""Variables that every site gets, under exactly these names."""
_NO_VALUE: tuple[Any, ...] = (None, "", [], (), {}, 0, False)


def variables(reading: Reading) -> tuple[Variable, ...]:
    """Return the variables that settings read, the required ones first."""
    asked, origins = reading.variables, reading.found.origins
    roles, others = _roles(origins, reading.values), _of_other_databases(origins, reading.values)
    found = [_variable(asked, name, _role(asked, name, roles, others)) for name in asked.read]
    return tuple(sorted(found, key=lambda one: (not one.required, one.name)))


def unread(name: str, basis: str) -> Variable:
    """Return a variable that is required although no code was found that reads it.

    Args:
        basis: what requires it.
    """
    usual = _USUAL.fullmatch(name) or _OWN.fullmatch(name)
    supply = "platform" if usual else "generate" if can_generate(name) else "ask"
    return Variable(name, basis, required=True, is_secret=is_secret(name), supply=supply, fills="own" if usual else "")


def is_secret(name: str) -> bool:
    """Say whether a variable of this name holds a secret."""
    return bool(_SECRET.search(name)) and not _OPEN.search(name)


def can_generate(name: str) -> bool:
    """Say whether any random value will do, because nobody but the project uses it."""
    return bool(_OWN_SECRET.search(name)) and not _FOREIGN.search(name)


def generated(name: str) -> str:
    """Return a random value for a variable, in the form that Fernet wants if it is a key for encryption."""
    if _FERNET.search(name):
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(50)


def platform_variables(found: Iterable[Variable]) -> tuple[tuple[str, str], ...]:
    """Return (name, what fills it) for the variables that the platform sets under names of the project's own."""
    return tuple((one.name, one.fills) for one in found if one.supply == "platform" and one.fills != "own")


def _roles(origins: Origins, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the role of each variable that decides, on its own, a setting that belongs to the platform."""
    found: dict[str, str] = {}

    def note(names: Collection[str], role: str) -> None:
        if len(names) == 1:
            found.setdefault(next(iter(names)), role)

    databases = settings.get("DATABASES")
    default = databases.get("default") if isinstance(databases, dict) else databases
    if isinstance(default, dict) and "sqlite" not in str(default.get("ENGINE")):
        for key, role in _DATABASE_KEYS.items():
            note(origins.of(default, key), role)
    elif isinstance(default, UrlDatabase | Unknown):
        note(origins.of(databases, "default"), "database_url")
    for role, names in _SETTINGS.items():
        for name in names:
            note(origins.of(settings, name), role)
    return found


def _of_other_databases(origins: Origins, settings: Mapping[str, Any]) -> set[str]:
    """Return the variables that configure databases other than the site's own."""
    databases = settings.get("DATABASES")
    entries = databases.items() if isinstance(databases, dict) else []
    others = [(alias, entry) for alias, entry in entries if alias != "default"]
    places = [(databases, alias) for alias, _ in others]
    places += [(entry, key) for _, entry in others if isinstance(entry, dict) for key in entry]
    return {name for holder, key in places for name in origins.of(holder, key)}


def _role(read: Variables, name: str, roles: Mapping[str, str], others: set[str]) -> str:
    if _OWN.fullmatch(name):
        return "own"
    default = read.defaults.get(name)
    if is_switch(name) and (default in _NO_VALUE or in_production(name, default) is not default):
        return f"={read.stages.get(name, 'production')}"
    named = next((role for role, pattern in _NAMED.items() if pattern.fullmatch(name.upper())), "")
    role = roles.get(name) or (named if name not in others else "")
    return _in_form(role, name, read.casts.get(name, ""), default)


def _in_form(role: str, name: str, cast: str, default: Any) -> str:
    """Return the role in the form that the settings expect; "" if the platform's value might mean something else there."""
    if role == "cross_origins":
        # A default names the front end's own address, which nothing here knows better.
        role = "origins" if default in _NO_VALUE else ""
    if role == "database_engine":
        return "" if isinstance(default, str) and "." not in default else role
    if role == "debug":
        form = {"int": "debug_number", "bool": "debug_flag"}.get(cast, role)
        return form if "DEBUG" in name.upper() else ""
    if role == "hosts" and not name.upper().endswith("S"):
        return "host"
    return f"{role}_json" if role in ("hosts", "origins") and cast == "json" else role


def _variable(read: Variables, name: str, role: str) -> Variable:
    required, secret = name in read.required, is_secret(name)
    default = read.defaults.get(name)
    shown = str(default) if isinstance(default, str | int | float | bool) and default != "" else None
    supply, note = "default", ""
    if role:
        supply = "platform"
    elif can_generate(name) and (required or secret):
        supply = "generate"
        note = "its default stands in the code, where everybody can read it" if shown else ""
    elif required:
        supply = "ask"
    if not note and not role and _SERVER.search(name):
        note = "DjangoZoom runs no such server"
    return Variable(
        name=name,
        basis=read.required.get(name, read.read[name]),
        required=required,
        default=shown if shown and not secret and shown.isprintable() else None,
        is_secret=secret,
        supply=supply,
        fills=role,
        note=note,
    )
