"""Sites to show: as rows of a real zoomdb, and as app instances and static files for a real nginx."""

import threading
from dataclasses import replace
from http.server import ThreadingHTTPServer

import pytest

from dz.adapters.archive import Layer
from dz.tasklib.proxies.config import Upstream
from dz.tasklib.proxies.publish import publish
from dz.zoomdb.models import Bundle, Deployment, Project, Release, Server
from dz.zoomdb.states import DeploymentState
from tests.conftest import free_port
from tests.integration.tasklib.proxies.sites import LAYER, App, site, vhost
from tests.manifests import MANIFEST, PLAN

SITE = replace(
    MANIFEST,
    layers=(Layer("code", "c" * 64, 1), Layer("static", "d" * 64, 7)),
    static_map=(("/static/", "static"), ("/media/", "map/0")),
    plan=replace(PLAN, health_path="/up"),
)


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
def statics(nginx):
    root = nginx.folder / "static" / LAYER
    (root / "static").mkdir(parents=True)
    (root / "secret").write_text("above")
    (root / "static" / "app.css").write_text("body {}")
    (root / "static" / "app.0123456789ab.css").write_text("body {}")
    (root / "static" / "hosts").symlink_to("/etc/hosts")
    return lambda sha256, size: nginx.folder / "static" / sha256


@pytest.fixture
def polls(nginx, statics, app):
    """A published site of version 1, with the port of its own."""
    shown = vhost("polls.example.org", 1, app("one"), site_port=free_port())
    assert publish(site(1, shown), nginx=nginx, static_fetch=statics)
    return shown


@pytest.fixture
def world(zoomdb):
    """Two projects; polls has releases 1 and 2 on two appservers and shows release 1."""
    with zoomdb.session() as session:
        polls = Project(name="polls", title="", source_url="https://example.org/polls")
        blog = Project(name="blog", title="", source_url="https://example.org/blog")
        servers = [Server(name=f"appserver-{n}", role="appserver", address=f"10.0.0.{n}") for n in (1, 2)]
        proxies = [Server(name=f"proxy-{n}", role="proxy", address="10.0.1.1") for n in (1, 2)]
        session.add_all([polls, blog, *servers, *proxies])
        session.flush()
        bundle = Bundle(project_id=polls.id, name="b1", commit="a" * 40, manifest=SITE.to_json())
        session.add(bundle)
        session.flush()
        releases = [Release(project_id=polls.id, number=n, bundle_id=bundle.id, environment=b"") for n in (1, 2)]
        session.add_all(releases)
        session.flush()
        polls.current_release_id = releases[0].id
        states = [
            (0, 0, DeploymentState.SERVING),
            (0, 1, DeploymentState.DRAINING),
            (1, 0, DeploymentState.HEALTHY),
            (1, 1, DeploymentState.STARTING),
        ]
        for release, server, state in states:
            port = 21000 + release
            session.add(
                Deployment(release_id=releases[release].id, server_id=servers[server].id, port=port, state=state)
            )
        return {"polls": polls.id, "blog": blog.id, "first": releases[0].id, "second": releases[1].id}
