# mypy: ignore-errors
"""Sends one request to the loaded application, without a server, and says how it answered.

Runs in the project's interpreter: no imports but the standard library and Django, and old syntax.
"""

import io
import sys
from wsgiref.util import setup_testing_defaults

HOST = "127.0.0.1"
LIMIT = 2000000
"""Bytes of an answer that are read."""


class Witness:
    """Notes what Django itself turns into an answer: exceptions of views, and attempts to reach a database."""

    def __init__(self):
        from django.core.signals import got_request_exception
        from django.db.backends.base.base import BaseDatabaseWrapper

        self.error, self.asked = None, False
        got_request_exception.connect(self.note, weak=False)
        connect = BaseDatabaseWrapper.connect

        def noted(wrapper, *args, **kwargs):
            self.asked = True
            return connect(wrapper, *args, **kwargs)

        BaseDatabaseWrapper.connect = noted

    def note(self, *args, **kwargs):
        """Keep the first exception."""
        self.error = self.error or sys.exc_info()[1]


def from_database(error):
    """Say whether an exception, or one that it came from, is about reaching the database."""
    from django.db.utils import InterfaceError, OperationalError

    for _ in range(10):
        if isinstance(error, (OperationalError, InterfaceError)):
            return True
        error = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
    return False


def wsgi(application, path):
    """Call a WSGI application; return its status."""
    environ = {"PATH_INFO": path, "HTTP_HOST": HOST, "REMOTE_ADDR": HOST, "wsgi.errors": sys.stderr}
    environ["wsgi.input"] = io.BytesIO()
    setup_testing_defaults(environ)
    begun = []

    def start_response(status, headers, exc_info=None):
        begun[:] = [status, headers]
        return lambda data: None

    body = application(environ, start_response)
    try:
        read = 0
        for part in body:
            read += len(part)
            if read > LIMIT:
                break
    finally:
        if hasattr(body, "close"):
            body.close()
    return int(begun[0].split(" ")[0])


def asgi(application, path):
    """Call an ASGI application; return its status."""
    import asyncio

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST.encode())],
        "client": (HOST, 40000),
        "server": (HOST, 80),
    }
    found = []

    async def call():
        asked, over = [], asyncio.Event()

        async def receive():
            if not asked:
                asked.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                found.append(message["status"])
            elif not message.get("more_body"):
                over.set()

        await application(scope, receive, send)

    asyncio.run(call())
    return int(found[0])


def page(kind, application, report, path="/"):
    """Ask for a page and report the answer; an error page is fine if it only says that there is no database yet.

    An application of None could not be loaded, for the same reason. Raises the exception that made it an error page, if it is about something else.
    """
    if application is None:
        report["answer"] = {"status": None, "database_asked": True, "database": True}
        return True
    witness = Witness()
    status, error = None, None
    try:
        status = (asgi if kind == "asgi" else wsgi)(application, path)
    except (Exception, SystemExit) as raised:  # noqa: BLE001
        error = raised
    error = error or (witness.error if status is None or status >= 500 else None)
    unsaid = error is None and witness.asked and status is not None and status >= 500
    no_database = unsaid or from_database(error)
    report["answer"] = {"status": status, "database_asked": witness.asked, "database": no_database}
    if error is not None and not no_database:
        raise error
    return no_database or status < 500
