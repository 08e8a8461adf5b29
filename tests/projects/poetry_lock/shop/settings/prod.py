import os

from django.core.exceptions import ImproperlyConfigured

from .base import *


def required(name):
    try:
        return os.environ[name]
    except KeyError:
        raise ImproperlyConfigured(f"{name} is not set")


DEBUG = False
SECRET_KEY = required("SHOP_SECRET_KEY")
ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "").split(",")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["SHOP_DB_NAME"],
        "HOST": os.getenv("SHOP_DB_HOST", "localhost"),
    }
}
