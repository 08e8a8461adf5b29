# mypy: ignore-errors
"""Serves uploaded files where the project itself answers 404: its own views of them, and their rules, come first.

The files lie on the appserver, so the application serves them and not a proxy. Whoever uploaded a file may be hostile.
"""

import mimetypes
import os
import stat
import uuid

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import http_date, parse_http_date_safe
from django.views.static import serve

import dz_ranges

_CHUNK = 65536
_TYPES = mimetypes.MimeTypes()  # of Python's own table alone, and so the same on every server
for _ending, _type in {
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".heic": "image/heic",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".otf": "font/otf",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}.items():
    _TYPES.add_type(_type, _ending)


class UploadedFiles(MiddlewareMixin):
    """Answers for files below MEDIA_URL that no view of the project answers for."""

    def process_view(self, request, view, args, kwargs):
        """Take the place of Django's own view of files, which knows no ranges."""
        root = kwargs.get("document_root")
        if view is serve and root and os.path.abspath(str(root)) == os.path.abspath(str(settings.MEDIA_ROOT)):
            return _answer(request, kwargs.get("path", ""))
        return None

    def process_response(self, request, response):
        """Serve the file, if the project says that there is no such page."""
        path = request.path_info
        if response.status_code != 404 or not path.startswith(settings.MEDIA_URL):
            return response
        return _answer(request, path[len(settings.MEDIA_URL) :]) or response


def _answer(request, path):
    """Return the answer to a request for a file; None if there is no such file to be seen."""
    if request.method not in ("GET", "HEAD"):
        return None
    found = _opened(path)
    if found is None:
        return None
    file, state = os.fdopen(found, "rb"), os.fstat(found)
    etag, changed = '"%x-%x-%x"' % (state.st_mtime_ns, state.st_size, state.st_ino), int(state.st_mtime)
    headers = dict(_typed(path), **{"ETag": etag, "Last-Modified": http_date(changed), "Accept-Ranges": "bytes"})
    whole = _with(HttpResponse(), headers)
    response = get_conditional_response(request, etag, changed, whole)
    ranges = _ranges(request, etag, changed, state.st_size)
    if response is whole and ranges == []:
        response = _with(HttpResponse(status=416), {"Content-Range": "bytes */%d" % state.st_size})
    if response is not whole or request.method == "HEAD":
        file.close()
        if response is whole:
            response["Content-Length"] = str(state.st_size)
        return response
    return _sent(request, file, state.st_size, ranges, headers)


def _opened(path):
    """Return a descriptor of a file below MEDIA_ROOT; nothing on its way is hidden, a link or outside."""
    parts = path.split("/")
    if any(not part or part.startswith(".") for part in parts):
        return None
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        folder = os.open(str(settings.MEDIA_ROOT), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for part in parts[:-1]:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        found = os.open(parts[-1], flags, dir_fd=folder)
    except (OSError, ValueError):
        return None
    finally:
        os.close(folder)
    if stat.S_ISREG(os.fstat(found).st_mode):
        return found
    os.close(found)
    return None


def _typed(path):
    """Return the headers that say what a file is; a page or a picture with scripts in it is shown without them."""
    kind, encoding = _TYPES.guess_type(path.rsplit("/", 1)[-1])
    headers = {"X-Content-Type-Options": "nosniff"}
    if encoding and kind != "image/svg+xml":
        kind = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(encoding)
    elif encoding:
        headers["Content-Encoding"] = encoding
    if kind and ("html" in kind or kind.endswith("xml")):
        headers["Content-Security-Policy"] = "sandbox"
    return dict(headers, **{"Content-Type": kind or "application/octet-stream"})


def _ranges(request, etag, changed, size):
    """Return the ranges that are asked for; None: the whole file, also if it is another one than If-Range names."""
    known = request.META.get("HTTP_IF_RANGE")
    if request.method != "GET" or (known and known != etag and parse_http_date_safe(known) != changed):
        return None
    return dz_ranges.wanted(request.META.get("HTTP_RANGE"), size)


def _sent(request, file, size, ranges, headers):
    """Return the answer that sends a file, or ranges of it, one of them as it is and several in parts."""
    pieces, end = [(b"", 0, size)], b""
    if ranges and len(ranges) == 1:
        first, last = ranges[0]
        pieces = [(b"", first, last - first + 1)]
        headers["Content-Range"] = "bytes %d-%d/%d" % (first, last, size)
    elif ranges:
        mark = uuid.uuid4().hex
        head = "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
        pieces = [
            ((head % (mark, headers["Content-Type"], first, last, size)).encode(), first, last - first + 1)
            for first, last in ranges
        ]
        end = ("\r\n--%s--\r\n" % mark).encode()
        headers["Content-Type"] = "multipart/byteranges; boundary=" + mark
    headers["Content-Length"] = str(sum(len(before) + length for before, _, length in pieces) + len(end))
    # An asynchronous server would read the whole of any other kind of body before it sends the first byte.
    whole = isinstance(request, ASGIRequest) and django.VERSION >= (4, 2)
    body = (_AsyncBody if whole else _Body)(file, pieces, end)
    return _with(StreamingHttpResponse(body, status=206 if ranges else 200), headers)


def _with(response, headers):
    for name, value in headers.items():
        response[name] = value
    return response


class _Body:
    """Pieces of a file, each after some bytes of its own, and an end."""

    def __init__(self, file, pieces, end):
        self._file, self._pieces, self._end = file, pieces, end

    def parts(self):
        for before, first, length in self._pieces:
            if before:
                yield before
            self._file.seek(first)
            left = length
            while left:
                chunk = self._file.read(min(_CHUNK, left))
                if not chunk:
                    return  # the file has become shorter
                left -= len(chunk)
                yield chunk
        if self._end:
            yield self._end

    def close(self):
        self._file.close()

    def __iter__(self):
        return self.parts()


class _AsyncBody(_Body):
    __iter__ = None

    async def __aiter__(self):
        parts = self.parts()
        while True:
            part = await sync_to_async(next)(parts, None)
            if part is None:
                return
            yield part
