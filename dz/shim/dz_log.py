# mypy: ignore-errors
"""Writes why a site answers 500 to its log, whatever the project's own LOGGING makes of it.

Django tells `django.request` of every such answer. LOGGING may disable, filter or redirect that logger; then the platform
writes to stderr, which is the site's log, what LOGGING did not.
"""

import importlib
import logging
import os
import sys
import threading
import traceback

_SERVERS = ("gunicorn.error", "uvicorn.error")
_now = threading.local()


def watch():
    """Have every 500 of this process reach stderr; call it when Django is set up and the application loaded."""
    keep_servers_heard()
    _note_what_is_answered_for()
    logger = logging.getLogger("django.request")
    own = logger.error

    def error(message, *args, **details):
        _told(logger, own, message, args, details)

    logger.error = error


def keep_servers_heard():
    """Undo what `disable_existing_loggers` does to the web server, which would end without a word."""
    for name in _SERVERS:
        logging.getLogger(name).disabled = False


def _told(logger, own, message, args, details):
    """Let the project log a record, then write it to stderr unless the project's handlers did."""
    extra = details.get("extra") or {}
    if (extra.get("status_code") or 0) < 500:
        own(message, *args, **details)
        return
    error = _exception(details.get("exc_info")) or getattr(extra.get("request"), "dz_error", None)
    _now.sign, _now.shown = _innermost_file(error), False
    _watch_handlers(logger)
    try:
        own(message, *args, **details)
    finally:
        shown, _now.sign = _now.shown, None
        if not shown:
            _write(message, args, error)


def _exception(given):
    if given is True:
        given = sys.exc_info()
    return given[1] if isinstance(given, tuple) else given or None


def _innermost_file(error):
    """Return what a text that shows the traceback holds; an answer without an exception has none, so any text will do."""
    frames = traceback.extract_tb(error.__traceback__) if error else ()
    return frames[-1].filename if frames else ""


def _write(message, args, error):
    try:
        text = message % args if args else str(message)
    except (TypeError, ValueError):
        text = str(message)
    lines = [text.encode("unicode_escape").decode() + "\n"]
    if error:
        lines += traceback.format_exception(type(error), error, error.__traceback__)
    data = "".join(lines).encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(2, data) :]


def _watch_handlers(logger):
    """Notice when a handler that the record may reach writes it to the console."""
    handlers = []
    while logger:
        handlers += logger.handlers
        logger = logger.parent if logger.propagate else None
    for handler in handlers or [logging.lastResort]:
        if _is_console(handler) and not hasattr(handler, "dz_emit"):
            handler.dz_emit = handler.emit
            handler.emit = _noticed(handler)


def _noticed(handler):
    def emit(record):
        handler.dz_emit(record)
        if getattr(_now, "sign", None) is not None:
            _now.shown = _now.shown or _now.sign in handler.format(record)

    return emit


def _is_console(handler):
    """Say whether a handler writes to stdout or stderr; Rich's keeps its stream in a console."""
    stream = getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
    try:
        return stream.fileno() in (1, 2)
    except (AttributeError, OSError, ValueError):
        return False


def _note_what_is_answered_for():
    """Keep the exception beside the request where something else than Django turns it into an answer."""
    from django.conf import settings
    from django.core.handlers.base import BaseHandler

    by_middleware = BaseHandler.process_exception_by_middleware

    def process_exception_by_middleware(self, exception, request):
        request.dz_error = exception
        return by_middleware(self, exception, request)

    BaseHandler.process_exception_by_middleware = process_exception_by_middleware
    if not (getattr(settings, "REST_FRAMEWORK", None) or {}).get("EXCEPTION_HANDLER"):
        return
    views = importlib.import_module("rest_framework.views")
    by_api = views.APIView.handle_exception

    def handle_exception(self, exc):
        self.request._request.dz_error = exc
        return by_api(self, exc)

    views.APIView.handle_exception = handle_exception
