"""What a real nginx makes of the configuration of a site."""

import ast
import contextlib
import http.client
import socket
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from dz.tasklib.proxies.config import Upstream
from dz.tasklib.proxies.publish import publish
from tests.conftest import free_port
from tests.integration.nginx import running_nginx
from tests.integration.tasklib.proxies.sites import App, get, site, vhost


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


CLAIMS = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Protocol": "ssl",
    "Forwarded": "for=6.6.6.6;proto=https;host=evil.example",
    "X-Real-IP": "6.6.6.6",
    "X-Client-IP": "6.6.6.6",
    "CF-Connecting-IP": "6.6.6.6",
    "X-DjangoZoom-TLS": "1",
    "X-Original-Host": "evil.example",
    "Proxy": "x",
}


def told(nginx, host, headers=None, port=None):
    """Return the headers that the app was sent."""
    body = get(nginx, host, headers=headers, port=port)[1]
    return ast.literal_eval(body[body.index("{") :])


def test_what_a_client_claims_about_itself_is_overwritten(nginx, polls):
    assert told(nginx, polls.name, CLAIMS) == {
        "host": polls.name,
        "x-real-ip": "127.0.0.1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": polls.name,
        "x-forwarded-port": "80",
        "x-forwarded-proto": "http",
        "connection": "close",
        "accept-encoding": "identity",
    }


@pytest.fixture
def behind(app):
    """A site whose nginx trusts the addresses of a TLS proxy and of one more before that; with a port of its own."""
    with running_nginx(trusted_proxies=["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]) as nginx:
        shown = vhost("polls.example.org", 1, app("one"), site_port=free_port(), static_sha256=None)
        assert publish(site(1, shown), nginx=nginx, static_fetch=lambda sha256, size: nginx.folder)
        yield nginx, shown


@pytest.mark.parametrize(
    ("said", "scheme", "address"),
    [
        ({"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}, "https", "203.0.113.9"),
        ({"X-Forwarded-Proto": "HTTPS", "X-Forwarded-For": "2001:db9::7"}, "https", "2001:db9::7"),
        ({"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"}, "http", "203.0.113.9"),
        # A visitor's own claim stands left of what the first trusted proxy has added.
        ({"X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.2.3"}, "https", "203.0.113.9"),
        ({"X-Forwarded-Proto": "https, http", "X-Forwarded-For": "203.0.113.9, 2001:db8::1"}, "https", "203.0.113.9"),
        ({"X-Forwarded-Proto": "gopher"}, "http", "127.0.0.1"),
        ({}, "http", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_says_who_asks_and_how(behind, said, scheme, address):
    nginx, shown = behind
    found = told(nginx, shown.name, said)
    assert (found["x-forwarded-proto"], found["x-forwarded-for"], found["x-real-ip"]) == (scheme, address, address)
    assert (found["host"], found["x-forwarded-host"]) == (shown.name, shown.name)
    assert found["x-forwarded-port"] == ("443" if scheme == "https" else "80")
    assert found["x-djangozoom-tls"] == "1"


def test_no_other_claim_passes_a_trusted_proxy_but_that_of_a_network_of_caches(behind):
    nginx, shown = behind
    found = told(nginx, shown.name, {**CLAIMS, "CF-Connecting-IP": "203.0.113.9", "X-Forwarded-For": "203.0.113.9"})
    assert found["cf-connecting-ip"] == "203.0.113.9"
    assert not {"forwarded", "x-forwarded-ssl", "x-forwarded-protocol", "x-client-ip", "proxy"} & set(found)
    assert "evil.example" not in str(found)
    assert "6.6.6.6" not in str(found)


def test_a_port_of_its_own_answers_this_machine_and_the_sites_names_only(behind):
    nginx, shown = behind
    port = shown.site_port
    for host in ("127.0.0.1", "localhost", shown.name):
        found = told(nginx, f"{host}:{port}", port=port)
        assert (found["host"], found["x-forwarded-port"]) == (f"{host}:{port}", str(port))
        # Nobody said how the visitor came, and here it need not be by https.
        assert (found["x-forwarded-proto"], found.get("x-djangozoom-tls")) == ("http", None)
    assert told(nginx, shown.name, {"X-Forwarded-Proto": "https"}, port=port)["x-djangozoom-tls"] == "1"
    assert get(nginx, "evil.example", port=port)[0] == 421
    assert get(nginx, f"evil.example:{port}", port=port)[0] == 421


def test_the_host_that_chose_the_site_is_passed_on_and_not_another_one_beside_it(nginx, polls):
    request = f"GET http://{polls.name}/ HTTP/1.1\r\nHost: evil.example:99\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert f"'host': '{polls.name}'" in answer
    assert "evil.example" not in answer


def said_raw(port, request):
    """Send a request as it is, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


ODD = [
    # What is asked, who answers, and the Host that its app is told; B is the site's own name, A its neighbour's.
    ("GET / HTTP/1.1\nHost: {B}\n", "b", "{B}"),
    ("GET / HTTP/1.1\nHost: {B}.\n", "b", "{B}"),
    ("GET / HTTP/1.1\nHost: BLOG.example.org\n", "b", "{B}"),
    ("GET / HTTP/1.1\nHost: {B}:{port}\n", "b", "{B}:{port}"),
    ("GET / HTTP/1.1\nHost: {B}:65535\n", "b", "{B}:65535"),
    ("GET / HTTP/1.1\nHost: {B}:12345678\n", None, None),
    ("GET http://{B}/ HTTP/1.1\nHost: {A}\n", "b", "{B}"),
    ("GET http://{B}:99/ HTTP/1.1\nHost: {A}:98\n", "b", "{B}"),
    ("GET http://{B}@{A}/ HTTP/1.1\nHost: {B}\n", None, None),
    ("GET / HTTP/1.1\nHost: {B}\nHost: {A}\n", None, None),
    ("GET / HTTP/1.1\nHost: {A}@{B}\n", None, None),
    ("GET / HTTP/1.1\nHost: {A}, {B}\n", None, None),
    ("GET / HTTP/1.1\nHost: {B} {A}\n", None, None),
    ("GET / HTTP/1.1\nHost: {B}/../{A}\n", None, None),
    ("GET / HTTP/1.1\nHost: x.{B}\n", None, None),
    ("GET / HTTP/1.1\nHost: evil.example\n", None, None),
    ("GET / HTTP/1.1\nHost: 127.0.0.1\n", None, None),
    ("GET / HTTP/1.1\nHost:\n", None, None),
    ("GET / HTTP/1.1\n", None, None),
    ("GET / HTTP/1.0\n", None, None),
    ("POST / HTTP/1.1\nHost: {B}\nTransfer-Encoding: chunked\nContent-Length: 4\n", None, None),
    ("POST / HTTP/1.1\nHost: {B}\nContent-Length: 4\nContent-Length: 5\n", None, None),
]
UNDERSCORED = {name.replace("-", "_"): value for name, value in CLAIMS.items() if "-" in name} | {
    "SCRIPT_NAME": "/evil.example",
    "PATH_INFO": "/evil.example",
    "HTTP_HOST": "evil.example",
    "REMOTE_ADDR": "6.6.6.6",
}


@pytest.fixture(scope="module")
def two_sites():
    """Two proxies that show the same two sites, the first also at ports of their own; one trusts nobody."""
    with contextlib.ExitStack() as stack:
        apps = []
        for name in "ab":
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), App))
            server.name = name
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            apps.append(Upstream("127.0.0.1", server.server_port))
        found = []
        for trusted in ((), ("10.0.0.0/8",)):
            nginx = stack.enter_context(running_nginx(trusted_proxies=trusted))
            hosts = [
                vhost(f"{name}.example.org", 1, app, site_port=None if trusted else free_port(), static_sha256=None)
                for name, app in zip(("polls", "blog"), apps, strict=True)
            ]
            for number, host in enumerate(hosts, 1):
                assert publish(site(number, host), nginx=nginx, static_fetch=lambda sha256, size: Path("/"))
            found.append((nginx, hosts))
        yield found


@pytest.mark.parametrize(("asked", "who", "host"), ODD)
def test_whatever_is_asked_reaches_the_site_that_it_names_under_that_name_or_nobody(two_sites, asked, who, host):
    for nginx, (a, b) in two_sites:
        for port in [nginx.port, *([b.site_port] if b.site_port else [])]:
            known = {"A": a.name, "B": b.name, "port": port}
            answer = said_raw(port, asked.format(**known) + "Connection: close\n\n")
            if who:
                assert answer.partition("\r\n\r\n")[2].startswith(f"{who} / ")
                assert f"'host': '{host.format(**known)}'" in answer
                assert f"'x-forwarded-host': '{host.format(**known)}'" in answer
            elif "127.0.0.1" in asked and port == b.site_port:
                assert "'host': '127.0.0.1'" in answer, "people of this machine open a site by its port"
            elif "HTTP/1.0" in asked and port == b.site_port:
                assert f"'host': '{b.name}'" in answer, "who names no host at a site's own port is given its name"
            else:
                assert "'host'" not in answer
                assert answer.partition(" ")[2][:3] in ("", "400", "421")


def test_no_claim_of_a_stranger_reaches_a_site_at_any_door_whatever_its_spelling(two_sites):
    for nginx, (_, b) in two_sites:
        for port in [nginx.port, *([b.site_port] if b.site_port else [])]:
            for claims in (CLAIMS, UNDERSCORED, {name.upper(): value for name, value in CLAIMS.items()}):
                found = told(nginx, b.name, {**claims, "X-Script-Name": "/evil.example"}, port=port)
                assert "evil.example" not in str(found)
                assert "6.6.6.6" not in str(found)
                assert (found["host"], found["x-forwarded-proto"], found["x-forwarded-port"]) == (b.name, "http", "80")
                assert found["x-real-ip"] == found["x-forwarded-for"] == "127.0.0.1"
                assert not {"script_name", "path_info", "x-script-name", "forwarded"} & set(found)


def test_a_proxy_listens_where_it_was_told_to(app):
    with running_nginx(addresses=["127.0.0.2", "[::1]"]) as nginx:
        for address in ("127.0.0.2", "::1"):
            socket.create_connection((address, nginx.port), timeout=10).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", nginx.port), timeout=10)


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
