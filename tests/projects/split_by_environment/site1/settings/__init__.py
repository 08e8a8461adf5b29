from os import environ

from split_settings.tools import include, optional

_parts = (
    "components/base.py",
    "environments/{0}.py".format(environ.get("DJANGO_ENV") or "development"),
    optional("environments/local.py"),
)

include(*_parts)
