# mypy: ignore-errors
"""Loads the project's WSGI or ASGI application under the platform's settings."""

import gc
import importlib
import traceback

import dz_front
import dz_log
import dz_run


def load(kind):
    """Return the application that the plan names under `wsgi` or `asgi`, or else Django's own."""
    usual = gc.get_threshold()
    dz_run.collect_seldom()
    try:
        application = _loaded(kind)
        dz_log.watch()
        return application
    except RuntimeError:
        traceback.print_exc()  # gunicorn shows only the text of this one
        raise
    finally:
        dz_log.keep_servers_heard()
        gc.set_threshold(*usual)


def _loaded(kind):
    import django

    # Settings are loaded first, so that a wsgi.py which sets DJANGO_SETTINGS_MODULE itself comes too late.
    django.setup()
    dz_front.keep_plain_http()
    name = dz_run.read_plan()[kind]
    if name:
        module, _, attribute = name.partition(":")
        found = importlib.import_module(module)
        for part in (attribute or "application").split("."):
            found = getattr(found, part)
        return found
    return plain(kind)


def plain(kind):
    """Return Django's own application."""
    if kind == "asgi":
        from django.core.asgi import get_asgi_application

        return get_asgi_application()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()
