"""What a real nginx makes of the configuration of a site."""

import http.client

import pytest

from dz.tasklib.proxies.publish import publish
from tests.integration.tasklib.proxies.sites import get, site, vhost


def test_static_files_are_served_and_nothing_else(nginx, polls):
    assert get(nginx, polls.name, "/static/app.css")[:2] == (200, "body {}")
    assert get(nginx, polls.name, "/static/hosts")[0] == 403
    for path in ("/static../secret", "/static/../secret", "/static/%2e%2e/secret"):
        assert "above" not in get(nginx, polls.name, path)[1]
    assert get(nginx, polls.name, "/static../secret")[0] == 404


def test_only_names_with_a_hash_are_kept_for_long(nginx, polls):
    assert "max-age=31" in get(nginx, polls.name, "/static/app.0123456789ab.css")[2]["Cache-Control"]
    assert get(nginx, polls.name, "/static/app.css")[2]["Cache-Control"] is None


def test_an_unknown_host_reaches_no_site(nginx, polls):
    with pytest.raises(http.client.RemoteDisconnected):
        get(nginx, "nope.example.org")


def test_what_a_client_claims_about_itself_is_overwritten(nginx, polls):
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Proxy": "x",
    }
    body = get(nginx, polls.name, headers=forged)[1]
    assert "'x-forwarded-for': '127.0.0.1'" in body
    assert "'x-forwarded-proto': 'http'" in body
    assert f"'host': '{polls.name}'" in body
    assert "evil.example" not in body
    assert "'proxy'" not in body


def test_a_websocket_handshake_reaches_the_app(nginx, polls):
    body = get(nginx, polls.name, "/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket"})[1]
    assert "'upgrade': 'websocket'" in body
    assert "'connection': 'upgrade'" in body
    assert "'upgrade'" not in get(nginx, polls.name)[1]


def test_an_app_cannot_send_nginx_elsewhere(nginx, polls):
    status, body, headers = get(nginx, polls.name, "/accel")
    assert (status, body.split()[0]) == (200, "one")
    assert headers["X-Accel-Redirect"] is None


def test_the_longest_host_name_is_served(nginx, statics, app, polls):
    name = ".".join(["a" * 61] * 4)[:253]
    assert publish(site(2, vhost(name, 1, app("long"))), nginx=nginx, static_fetch=statics)
    assert get(nginx, polls.name)[0] == 200
