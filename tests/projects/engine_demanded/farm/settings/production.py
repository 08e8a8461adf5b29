from .base import *  # noqa: F403

DEBUG = False
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":  # noqa: F405
    raise ValueError("PostgreSQL is required in production.")
