import os
import time

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path


def front(request):
    return HttpResponse("%d %d" % (os.getpid(), len(request.META.get("HTTP_X_LONG", ""))))


def export(request):
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("exported")


def cookies(request):
    answer = HttpResponse("cookies")
    for number in range(9):
        answer.set_cookie("cookie%d" % number, "x" * 1000)
    return answer


def parts(request):
    def body():
        yield "first\n"
        time.sleep(2)
        yield "last\n"

    return StreamingHttpResponse(body(), content_type="text/plain")


def upload(request, name):
    return HttpResponse(default_storage.save(name, ContentFile(request.body)))


urlpatterns = [
    path("", front),
    path("export/", export),
    path("cookies/", cookies),
    path("parts/", parts),
    path("upload/<path:name>", upload),
]
