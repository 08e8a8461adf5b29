"""Sites to publish, and how a visitor asks for them."""

import contextlib
import http.client
from http.server import BaseHTTPRequestHandler

from dz.adapters.nginx import Nginx
from dz.tasklib.proxies.config import SiteConfig, Upstream, Vhost

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
