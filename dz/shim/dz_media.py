# mypy: ignore-errors
"""Serves uploaded files where the project itself answers 404: its own views of them, and their rules, come first.

The files lie on the appserver, so the application serves them and not a proxy.
"""

import asyncio

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import Http404
from django.utils.decorators import sync_and_async_middleware
from django.views.static import serve


def _uploaded(request, response):
    if response.status_code != 404 or request.method not in ("GET", "HEAD"):
        return response
    path = request.path_info
    if not path.startswith(settings.MEDIA_URL):
        return response
    try:
        return serve(request, path[len(settings.MEDIA_URL) :], document_root=settings.MEDIA_ROOT)
    except Http404:
        return response


@sync_and_async_middleware
def middleware(get_response):
    """Return the middleware in the form of the application: WSGI or ASGI."""
    if asyncio.iscoroutinefunction(get_response):

        async def answer(request):
            return await sync_to_async(_uploaded)(request, await get_response(request))

        return answer
    return lambda request: _uploaded(request, get_response(request))
