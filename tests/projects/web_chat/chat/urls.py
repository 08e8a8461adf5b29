import asyncio

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path


def front(request):
    return HttpResponse("chat")


async def events(request):
    async def body():
        yield "data: first\n\n"
        await asyncio.sleep(2)
        yield "data: last\n\n"

    return StreamingHttpResponse(body(), content_type="text/event-stream")


urlpatterns = [path("", front), path("events/", events)]
