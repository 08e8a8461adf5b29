# mypy: ignore-errors
"""What the platform adds to the answers of an application.

nginx passes on at once what does not say how long it is: a stream. Who warms an app instance up asks which worker answered.
"""

import os

_UNBUFFERED = ("X-Accel-Buffering", "no")
_WORKER = "X-DjangoZoom-Worker"
"""Named in a request, which nginx lets nobody outside do, and then in its answer."""


def wsgi(application):
    """Return the WSGI application with what is added to its answers."""

    def answering(environ, start_response):
        def start(status, headers, *exc_info):
            added = _added([name.lower() for name, _ in headers], "HTTP_X_DJANGOZOOM_WORKER" in environ)
            return start_response(status, headers + added, *exc_info)

        return application(environ, start)

    return answering


def asgi(application):
    """Return the ASGI application with what is added to its answers."""
    try:
        from asgiref.compatibility import guarantee_single_callable
    except ImportError:
        return application  # Django is too old for ASGI, and so is what serves it
    application = guarantee_single_callable(application)

    async def answering(scope, receive, send):
        async def tell(message):
            if message["type"] == "http.response.start":
                asked = any(name == _WORKER.lower().encode() for name, _ in scope["headers"])
                headers = list(message.get("headers") or ())
                added = _added([name.decode("latin-1").lower() for name, _ in headers], asked)
                encoded = [(name.lower().encode(), value.encode()) for name, value in added]
                message = dict(message, headers=headers + encoded)
            await send(message)

        await application(scope, receive, tell if scope["type"] == "http" else send)

    return answering


def _added(names, asked):
    found = [] if {"content-length", "x-accel-buffering"}.intersection(names) else [_UNBUFFERED]
    return found + ([(_WORKER, str(os.getpid()))] if asked else [])
