# mypy: ignore-errors
"""Stands between the platform's proxies and the application: believes the proxies, and makes the best of plain http.

A request without X-DjangoZoom-TLS came by the only way there is, plain http: it is not sent to an https address that
nobody serves, and its cookies go without Secure. A cookie for a domain that is not the asked host's stays with the host.
Runs in the project's interpreter: no imports but the standard library, and old syntax.
"""

import json
import os
import re

_ATTRIBUTE = re.compile(r"\s*;\s*")
_PROXIES = frozenset(os.environ.get("DZ_PROXIES", "").split(","))
_read = [None]


def keep_plain_http():
    """Have Django's own middleware redirect to https only where https can be had."""
    try:
        from django.middleware.security import SecurityMiddleware
    except ImportError:
        return
    redirect = SecurityMiddleware.process_request

    def process_request(self, request):
        return redirect(self, request) if "HTTP_X_DJANGOZOOM_TLS" in request.META else None

    SecurityMiddleware.process_request = process_request


def wsgi(application):
    """Wrap a WSGI application."""

    def answer(environ, start_response):
        _take_new_hosts()
        if environ.get("REMOTE_ADDR") in _PROXIES and environ.get("HTTP_X_REAL_IP"):
            environ["REMOTE_ADDR"] = environ["HTTP_X_REAL_IP"]
        secure = environ.get("wsgi.url_scheme") == "https" or environ.get("HTTP_X_FORWARDED_PROTO") == "https"
        tls = secure or bool(environ.get("HTTP_X_DJANGOZOOM_TLS"))
        host = environ.get("HTTP_HOST", "")

        def begin(status, headers, *more):
            fitting = [(n, cookie(v, host, tls) if n.lower() == "set-cookie" else v) for n, v in headers]
            return start_response(status, fitting, *more)

        return application(environ, begin)

    return answer


def asgi(application):
    """Wrap an ASGI application."""

    async def answer(scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await application(scope, receive, send)
        _take_new_hosts()
        told = dict(scope["headers"])
        secure = scope.get("scheme") in ("https", "wss") or told.get(b"x-forwarded-proto") == b"https"
        tls = secure or bool(told.get(b"x-djangozoom-tls"))
        host = told.get(b"host", b"").decode("latin-1")

        async def begin(message):
            if message["type"] in ("http.response.start", "websocket.accept") and message.get("headers"):
                headers = [
                    (n, _cookie_bytes(v, host, tls) if n.lower() == b"set-cookie" else v) for n, v in message["headers"]
                ]
                message = dict(message, headers=headers)
            await send(message)

        return await application(scope, receive, begin)

    return answer


def cookie(text, host, tls):
    """Return a Set-Cookie header that the browser which asked `host` can take.

    Args:
        tls: the cookie may be one that only https carries.
    """
    first, *attributes = _ATTRIBUTE.split(text)
    if tls and not any(one.lower().startswith("domain=") for one in attributes):
        return text
    kept = [one for one in attributes if (tls or one.lower() != "secure") and _is_for(one, host)]
    return "; ".join([first] + kept)


def _cookie_bytes(value, host, tls):
    return cookie(value.decode("latin-1"), host, tls).encode("latin-1")


def _is_for(attribute, host):
    name, _, domain = attribute.partition("=")
    return name.lower() != "domain" or matches(host.rsplit(":", 1)[0] if ":" in host else host, domain)


def matches(host, domain):
    """Say whether a cookie's domain takes in a host."""
    host, domain = host.lower(), domain.strip().lower().lstrip(".")
    return host == domain or host.endswith("." + domain)


def _take_new_hosts():
    """Answer to host names that the site got since it was started; the platform writes them to a file."""
    name = os.environ.get("DZ_HOSTS_FILE")
    try:
        state = os.stat(name) if name else None
    except OSError:
        return
    if state is None or (state.st_mtime, state.st_ino) == _read[0]:
        return
    from django.conf import settings

    with open(name, encoding="utf-8") as stream:
        settings.ALLOWED_HOSTS[:] = json.load(stream)
    _read[0] = (state.st_mtime, state.st_ino)


def changed(own):
    """Return a text for each setting of the project that does not hold here, or not everywhere.

    Args:
        own: the project's settings as they were before the platform's were put over them.
    """
    hosts = [host for host in os.environ.get("DZ_SITE_HOSTS", "").split(",") if host]
    found = []
    header = own.get("SECURE_PROXY_SSL_HEADER")
    if header and tuple(header) != ("HTTP_X_FORWARDED_PROTO", "https"):
        found.append(
            "SECURE_PROXY_SSL_HEADER was changed from %s to HTTP_X_FORWARDED_PROTO: the platform's proxies write that "
            "header alone, and pass no other one on." % (header[0],)
        )
    if not os.environ.get("DZ_TLS"):
        if own.get("SECURE_SSL_REDIRECT"):
            found.append(
                "SECURE_SSL_REDIRECT has no effect on plain http: nothing ends TLS before this site, so every page would "
                "lead to an https address that nobody serves. The operator names what does in DZ_TRUSTED_PROXIES."
            )
        names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE")
        secure = [name for name in names if own.get(name)]
        if secure:
            found.append(
                "%s: over plain http these cookies go without Secure, because nothing ends TLS before this site and a "
                "browser would drop them. The operator names what does in DZ_TRUSTED_PROXIES." % ", ".join(secure)
            )
    for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN", "LANGUAGE_COOKIE_DOMAIN"):
        domain = own.get(name)
        others = [host for host in hosts if not matches(host, str(domain))]
        if domain and others:
            found.append(
                "%s is %s, which does not take in %s: there the cookie is for that host alone."
                % (name, domain, ", ".join(others))
            )
    return found
