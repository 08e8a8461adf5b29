# mypy: ignore-errors
"""The project's own settings, with what the platform owns put over them. The project is never edited.

Runs in the project's interpreter: no imports but the standard library, and old syntax.
"""

import datetime as dt
import importlib
import importlib.util
import os
import sys

import django

_DEV_APPS = ("debug_toolbar", "django_browser_reload", "silk", "django_extensions", "livereload")
_CONNECTION_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "service", "passfile", "pool")
_ORIGINS = ("CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST")
_env = os.environ.get
_redirected = {}
"""Files of the project's LOGGING that cannot be opened, by the names of their handlers."""


def _from_project():
    """Return the project's settings module and its settings, also those of django-configurations."""
    module = importlib.import_module(os.environ["DZ_PROJECT_SETTINGS_MODULE"])
    source = module
    if "configurations" in sys.modules and not hasattr(module, "INSTALLED_APPS"):
        source = getattr(module, _env("DJANGO_CONFIGURATION") or "Production", module)
        if source is not module:
            source.pre_setup()
            source.setup()
    values = {name: getattr(source, name) for name in dir(source) if name.isupper()}
    return module, values


def _listed(name):
    return [word.strip() for word in _env(name, "").split(",") if word.strip()]


def _database(own):
    """Return the platform's database in the form of the project's: its options stay if they are PostgreSQL's."""
    engine = own.get("ENGINE", "")
    postgres = "postg" in engine or "psqlextra" in engine
    gis = "gis" in engine or _env("DZ_DATABASE_TYPE") == "postgresql-gis"
    kept = {
        name: own[name]
        for name in (
            "ATOMIC_REQUESTS",
            "AUTOCOMMIT",
            "CONN_MAX_AGE",
            "CONN_HEALTH_CHECKS",
            "DISABLE_SERVER_SIDE_CURSORS",
            "TEST",
        )
        if name in own
    }
    if not postgres or engine in ("django.db.backends.postgresql_psycopg2", ""):
        engine = "django.contrib.gis.db.backends.postgis" if gis else "django.db.backends.postgresql"
    options = own.get("OPTIONS", {}) if postgres else {}
    kept.update(
        ENGINE=engine,
        NAME=_env("CONFIG_PG_DBNAME", ""),
        USER=_env("CONFIG_PG_USER", ""),
        PASSWORD=_env("CONFIG_PG_PASSWORD", ""),
        HOST=_env("CONFIG_PG_HOST", ""),
        PORT=_env("CONFIG_PG_PORT", ""),
        OPTIONS={name: value for name, value in options.items() if name not in _CONNECTION_OPTIONS},
    )
    return kept


def _databases(own):
    """Replace the default database and the aliases that mean the same one; other aliases stay the project's."""
    default = own.get("default") or {}
    place = [default.get(name) for name in ("ENGINE", "NAME", "HOST")]
    databases = dict(own)
    for alias, settings in own.items():
        if [settings.get(name) for name in ("ENGINE", "NAME", "HOST")] == place:
            databases[alias] = _database(settings)
    databases["default"] = _database(default)
    return databases


def _secret(own):
    """Keep a secret that came from the environment; one written in the code is known to whoever reads it."""
    given = _env("SECRET_KEY") or _env("DJANGO_SECRET_KEY")
    from_outside = own and own in [value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"]
    return own if from_outside or not given else given


def _replaced(value, old, new):
    """Put the new secret where settings derived from the old one hold a copy of it."""
    if isinstance(value, dict):
        return type(value)((name, _replaced(item, old, new)) for name, item in value.items())
    if type(value) in (list, tuple):
        return type(value)(_replaced(item, old, new) for item in value)
    return new if isinstance(value, str) and value == old else value


def _local_url(url, default):
    """Return an URL path that begins and ends with a slash; addresses elsewhere become the default."""
    url = str(url or "")
    if not url or url == "/" or "://" in url or url.startswith("//"):
        return default
    return "/" + url.strip("/") + "/"


def _static_storage(values):
    """Collect into a folder that the proxies serve: storages of elsewhere and unusable ones become Django's own."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    storages = values.get("STORAGES") or {}
    backend = storages.get("staticfiles", {}).get("BACKEND") or values.get("STATICFILES_STORAGE") or ""
    local = "staticfiles" in backend or backend.startswith(("whitenoise.", "pipeline.")) or not backend
    remote = any(word in backend.lower() for word in ("s3", "boto", "gcloud", "azure", "cloudinary", "dropbox"))
    if not remote and (local or not backend.startswith("storages.")) and not _env("DZ_PLAIN_STATIC_STORAGE"):
        return {}
    if django.VERSION >= (4, 2) and ("STORAGES" in values or django.VERSION >= (5, 1)):
        files = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
        return {"STORAGES": dict(files, **dict(storages, staticfiles={"BACKEND": plain}))}
    return {"STATICFILES_STORAGE": plain}


def _files(values):
    """Return the settings of static and uploaded files."""
    settings = _static_storage(values)
    settings["STATIC_URL"] = _env("DZ_STATIC_URL") or _local_url(values.get("STATIC_URL"), "/static/")
    settings["STATIC_ROOT"] = _env("DZ_STATIC_ROOT") or os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "static"
    )
    media = str(values.get("MEDIA_URL") or "")
    if "://" not in media and not media.startswith("//"):
        settings["MEDIA_URL"] = _local_url(media, "/media/")
        if settings["MEDIA_URL"] == settings["STATIC_URL"]:
            settings["MEDIA_URL"] = "/media/"
    if _env("DZ_MEDIA_ROOT"):
        settings["MEDIA_ROOT"] = _env("DZ_MEDIA_ROOT")
    return settings


def _origins(values):
    """Leave out what `"".split(",")` leaves of a variable that is not set: no origin is empty, and checks refuse it."""
    lists = {name: values[name] for name in _ORIGINS if isinstance(values.get(name), (list, tuple))}
    return {name: [origin for origin in listed if origin != ""] for name, listed in lists.items() if "" in listed}


def _hosts(values):
    """Return the settings of names and of the proxies; what cookies and https need is decided request by request."""
    origins = _origins(values)
    trusted = _listed("DZ_CSRF_TRUSTED_ORIGINS")
    if django.VERSION < (4, 0):
        trusted = [origin.split("://", 1)[-1] for origin in trusted]
    own = origins.get("CSRF_TRUSTED_ORIGINS", values.get("CSRF_TRUSTED_ORIGINS"))
    return dict(
        origins,
        ALLOWED_HOSTS=_listed("DZ_ALLOWED_HOSTS"),
        CSRF_TRUSTED_ORIGINS=list(dict.fromkeys(trusted + list(own or []))),
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    )


def _writable(name):
    try:
        folder = os.path.dirname(os.path.abspath(str(name)))
        return os.access(str(name) if os.path.exists(str(name)) else folder, os.W_OK)
    except (TypeError, ValueError):
        return False


def _logging(own):
    """Send to stderr what would go to a file that cannot be opened; without settings, what Django says."""
    console = {"class": "logging.StreamHandler"}
    if not own:
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": console},
            "loggers": {"django": {"handlers": ["console"], "level": "INFO"}},
        }
    handlers = dict(own.get("handlers") or {})
    for name, handler in handlers.items():
        if "filename" in handler and not _writable(handler["filename"]):
            _redirected[name] = str(handler["filename"])
            handlers[name] = dict(
                console, **{key: handler[key] for key in ("level", "formatter", "filters") if key in handler}
            )
    return dict(own, handlers=handlers)


def _without_absent(entries):
    """Leave out development tools that are not installed; projects add them while DEBUG is on."""
    absent = [name for name in _DEV_APPS if importlib.util.find_spec(name) is None]
    return type(entries)(entry for entry in entries if str(entry).split(".")[0] not in absent)


def _accept_new_psycopg2():
    """Django before 3.1 refuses the time zone offset as psycopg2 2.9 gives it, and older ones have no wheels today."""
    from django.db.backends.postgresql import utils
    from django.utils import timezone

    def utc_tzinfo_factory(offset):
        if offset not in (0, dt.timedelta(0)):
            raise AssertionError("database connection isn't set to UTC")
        return timezone.utc

    utils.utc_tzinfo_factory = utc_tzinfo_factory


def _overrides(values):
    settings = {"DEBUG": False, "DATABASES": _databases(dict(values.get("DATABASES") or {}))}
    settings["SECRET_KEY"] = _secret(values.get("SECRET_KEY"))
    settings["LOGGING"] = _logging(values.get("LOGGING") or {})
    settings.update(_hosts(values))
    settings.update(_files(values))
    for name in ("INSTALLED_APPS", "MIDDLEWARE", "MIDDLEWARE_CLASSES"):
        if isinstance(values.get(name), (list, tuple)):
            settings[name] = _without_absent(values[name])
    # Last, so that the project's middleware sees these answers as its own.
    if django.VERSION >= (3, 1) and "MIDDLEWARE" in settings and settings.get("MEDIA_URL"):
        settings["MIDDLEWARE"] = list(settings["MIDDLEWARE"]) + ["dz_media.UploadedFiles"]
    return settings


if django.VERSION < (3, 1):
    _accept_new_psycopg2()
_module, _values = _from_project()
_own = dict(_values)
_owned = _overrides(_values)
if _own.get("SECRET_KEY") and _own["SECRET_KEY"] != _owned["SECRET_KEY"]:
    for _name in set(_values) - set(_owned):
        _values[_name] = _replaced(_values[_name], _own["SECRET_KEY"], _owned["SECRET_KEY"])
_values.update(_owned)
globals().update(_values)
# Code that imports the settings module itself, instead of django.conf, finds the same.
for _name, _value in _values.items():
    setattr(_module, _name, _value)
