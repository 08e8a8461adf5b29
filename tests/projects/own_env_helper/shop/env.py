import os

from django.core.exceptions import ImproperlyConfigured


def need(name, default=None):
    value = os.environ.get("SHOP_" + name, default)
    if value is None:
        raise ImproperlyConfigured("SHOP_%s is not set" % name)
    return value


def flag(name):
    return os.environ.get(f"SHOP_{name}", "").lower() in ("1", "true")
