"""A site whose visitors come by https, which another proxy ends, and the same site by plain http."""

import http.client
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dz import wiring
from dz.settings import settings
from dz.tasklib.jobs import jobs, log
from tests.flows.conftest import POLLS, Platform
from tests.flows.test_build_and_deploy import _deploy
from tests.flows.test_check_repo import _check

PROXY = "127.0.0.9"
"""The address that ends TLS; a request of this machine can come from any address of 127.0.0.0/8."""
SETTINGS = """
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 3600
SECURE_REFERRER_POLICY = "origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTOCOL", "https")
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_DOMAIN = ".shop.example"
CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = "https://partner.example,".split(",")
CORS_ALLOWED_ORIGINS = "".split(",")
ALLOWED_HOSTS = ["*"]
"""
VIEWS = """
from django.conf import settings
from django.http import JsonResponse
from django.urls import path

def told(request):
    request.session["seen"] = True
    meta = {name: value for name, value in request.META.items() if name.startswith("HTTP_X_") or name == "REMOTE_ADDR"}
    held = {name: getattr(settings, name) for name in (
        "SESSION_COOKIE_SECURE", "SESSION_COOKIE_DOMAIN", "CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS", "ALLOWED_HOSTS")}
    return JsonResponse({"secure": request.is_secure(), "url": request.build_absolute_uri("/callback/"), **meta, **held})

urlpatterns = [path("", told)]
"""


@pytest.fixture
def tls(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The platform's proxy trusts the address that ends TLS."""
    monkeypatch.setenv("DZ_TRUSTED_PROXIES", f"{PROXY}, 10.0.0.0/8")
    yield from _reloaded()
    monkeypatch.delenv("DZ_TRUSTED_PROXIES")
    for _ in _reloaded():
        pass


def _reloaded() -> Iterator[None]:
    settings.cache_clear()
    nginx = wiring.nginx("proxy-1")
    nginx.write_main()
    nginx.load()
    yield


def _shop(tmp_path: Path) -> Path:
    tree = tmp_path / "shop"
    (tree / "shop").mkdir(parents=True)
    (tree / "manage.py").write_text((POLLS / "manage.py").read_text().replace("mysite", "shop"))
    (tree / "requirements.txt").write_text((POLLS / "requirements.txt").read_text())
    base = (
        (POLLS / "mysite" / "settings.py")
        .read_text()
        .replace("mysite", "shop")
        .replace("'polls.apps.PollsConfig',", "")
    )
    (tree / "shop" / "settings.py").write_text(base + SETTINGS)
    (tree / "shop" / "urls.py").write_text(textwrap.dedent(VIEWS))
    for name in ("wsgi", "asgi"):
        text = (POLLS / "mysite" / f"{name}.py").read_text().replace("mysite", "shop")
        (tree / "shop" / f"{name}.py").write_text(text)
    (tree / "shop" / "__init__.py").touch()
    return tree


def _said(platform: Platform) -> list[str]:
    """What the newest job has warned of."""
    return log.warnings(log.lines(platform.zoomdb, jobs.newest(platform.zoomdb, limit=1)[0].id))


def _ask(host: str, port: int, source: str = "127.0.0.1", **headers: str) -> tuple[int, dict[str, Any], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0))
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", "/", headers={"Host": host, **named})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if answer.status == 200 else {}, answer.headers
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_tls_that_ended_before_us_is_believed_from_the_named_proxy_and_nobody_else(
    tls: None, platform: Platform, tmp_path: Path, kind: str
) -> None:
    from flows.publish_host import publish_host  # noqa: PLC0415
    from tasks.parameters import HostRequest  # noqa: PLC0415

    name = f"shop-{kind}"
    url = platform.publish(name, _shop(tmp_path))
    result = _deploy(url=url, config=f"[project]\nuse_asgi = {kind == 'asgi'}\n")
    own, port, main = f"{name}.localhost", int(result["url"].rsplit(":", 1)[1].strip("/")), settings().proxy_port
    said = _said(platform)
    assert any("SECURE_PROXY_SSL_HEADER was changed from HTTP_X_FORWARDED_PROTOCOL" in text for text in said)
    assert any(f"SESSION_COOKIE_DOMAIN is .shop.example, which does not take in {own}" in text for text in said)
    assert not any("SECURE_SSL_REDIRECT" in text for text in said)

    visitor = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9", "X_Forwarded_Host": "evil.example"}
    status, found, headers = _ask(own, main, PROXY, **visitor)
    assert (status, found["secure"], found["url"]) == (200, True, f"https://{own}/callback/")
    assert (found["REMOTE_ADDR"], found["HTTP_X_FORWARDED_FOR"]) == ("203.0.113.9", "203.0.113.9")
    assert (found["HTTP_X_FORWARDED_PROTO"], found["HTTP_X_FORWARDED_HOST"]) == ("https", own)
    assert found["ALLOWED_HOSTS"] == [own, "127.0.0.1", "localhost"]
    assert "https://partner.example" in found["CSRF_TRUSTED_ORIGINS"]
    assert ("" in found["CSRF_TRUSTED_ORIGINS"], found["CORS_ALLOWED_ORIGINS"]) == (False, [])
    assert (found["SESSION_COOKIE_SECURE"], found["SESSION_COOKIE_DOMAIN"]) == (True, ".shop.example")
    assert "max-age=3600" in headers["Strict-Transport-Security"]
    assert headers["Referrer-Policy"] == "origin"
    cookie = headers["Set-Cookie"].lower()
    assert ("secure" in cookie, "domain=" in cookie) == (True, False)

    # By plain http a visitor is sent to https, once; nobody but the named proxy can say that it was https.
    for headers_sent, source in [({"X_Forwarded_Proto": "http"}, PROXY), (visitor, "127.0.0.1")]:
        status, _, headers = _ask(own, main, source, **headers_sent)
        assert (status, headers["Location"]) == (301, f"https://{own}/")

    # The port on this machine, where there is no TLS, goes on working.
    status, found, headers = _ask(f"127.0.0.1:{port}", port, **visitor)
    assert (status, found["secure"], found["url"]) == (200, False, f"http://127.0.0.1:{port}/callback/")
    assert (found["REMOTE_ADDR"], found["HTTP_X_FORWARDED_FOR"]) == ("127.0.0.1", "127.0.0.1")
    assert "secure" not in headers["Set-Cookie"].lower()
    assert "domain=" not in headers["Set-Cookie"].lower()

    # A host name that the site gets later is answered to at once, and the project's cookie domain fits it.
    publish_host(HostRequest(project=name, host=f"{kind}.shop.example"))
    status, found, headers = _ask(f"{kind}.shop.example", main, PROXY, **visitor)
    assert (status, found["url"]) == (200, f"https://{kind}.shop.example/callback/")
    assert f"{kind}.shop.example" in found["ALLOWED_HOSTS"]
    assert "domain=.shop.example" in headers["Set-Cookie"].lower()


def test_a_site_that_is_reached_by_plain_http_only_is_reached_and_its_owner_is_told_what_that_changes(
    platform: Platform, tmp_path: Path
) -> None:
    url = platform.publish("shop-plain", _shop(tmp_path))
    check, _ = _check(url)
    before = " ".join(check.result["proof"]["warnings"])
    assert "SECURE_SSL_REDIRECT has no effect on plain http" in before
    assert "SESSION_COOKIE_DOMAIN is .shop.example, which does not take in shop-plain.localhost" in before
    result = _deploy(url=url)
    said = " ".join(_said(platform))
    assert "SECURE_SSL_REDIRECT has no effect on plain http" in said
    assert "SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE: over plain http these cookies go without Secure" in said
    port = int(result["url"].rsplit(":", 1)[1].strip("/"))
    for host, where in [(f"127.0.0.1:{port}", port), ("shop-plain.localhost", settings().proxy_port)]:
        status, found, headers = _ask(host, where, PROXY, X_Forwarded_Proto="https", X_Forwarded_For="6.6.6.6")
        assert (status, found["secure"], found["REMOTE_ADDR"]) == (200, False, PROXY)
        assert "secure" not in headers["Set-Cookie"].lower()
