# mypy: ignore-errors
"""The worker of gunicorn that serves ASGI."""

import inspect

from uvicorn.config import Config
from uvicorn_worker import UvicornWorker

_WANTED = {
    # A silent websocket stays open: TCP itself finds out about a visitor who has gone.
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": None,
    # Websockets that are open when the worker is to end are closed, before gunicorn kills it.
    "timeout_graceful_shutdown": 10,
}
_KNOWN = {name: value for name, value in _WANTED.items() if name in inspect.signature(Config).parameters}


class Worker(UvicornWorker):
    """uvicorn, for websockets that live long; an old uvicorn does not know every option."""

    CONFIG_KWARGS = dict(UvicornWorker.CONFIG_KWARGS, **_KNOWN)  # noqa: RUF012 - as the base class has it
