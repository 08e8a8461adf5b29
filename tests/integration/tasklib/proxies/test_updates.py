"""One proxy, a real nginx, is brought to what the rows of a real zoomdb say."""

import time

import pytest
from sqlalchemy import update

from bench import simulated
from dz.errors import NoAppserver
from dz.tasklib.jobs import jobs, turns
from dz.tasklib.proxies import config, updates, vhosts
from dz.tasklib.proxies.hosts import claim_host, release_host
from dz.zoomdb.models import Deployment, Project, Release, Server
from dz.zoomdb.states import DeploymentState, JobKind
from tests.integration.tasklib.proxies.sites import get


@pytest.fixture
def show(zoomdb, nginx, world, app):
    """Brings proxy-1 to what it should show of polls, whose app instance really runs."""
    upstream = app("one")
    with zoomdb.session() as session:
        session.execute(update(Server).values(address=upstream.address))
        session.query(Deployment).filter(Deployment.port == 21001).delete()
        session.query(Deployment).filter(Deployment.port == 21000).update({"port": upstream.port})

    def fetch(sha256, size):
        folder = nginx.folder / "static" / sha256
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def show(project_id, release_id=None):
        updates.show(
            zoomdb,
            project_id,
            release_id,
            server_name="proxy-1",
            nginx=nginx,
            site_ports=None,
            static_fetch=fetch,
        )

    return show


def show_all(zoomdb, nginx, show_one):
    failed = []

    def one(project):
        try:
            show_one(project)
        except Exception as error:
            failed.append(error)
            raise

    updates.show_all(zoomdb, one, server_name="proxy-1", nginx=nginx, static_folder=nginx.folder / "static")
    return failed


def test_a_site_is_shown_as_long_as_it_has_a_host_name(zoomdb, nginx, world, show):
    claim_host(zoomdb, world["polls"], "polls.example.org")
    show(world["polls"])
    assert get(nginx, "polls.example.org")[2]["X-DjangoZoom"] == "polls v1"
    with zoomdb.session() as session:
        assert session.query(Server).filter(Server.name == "proxy-1").one().generation == nginx.generation()
    release_host(zoomdb, world["polls"], "polls.example.org")
    for _ in range(2):
        show(world["polls"])
    assert nginx.site(f"p{world['polls']:08d}") is None


def test_repair_shows_what_is_missing_and_leaves_a_deploy_alone(zoomdb, nginx, world, show):
    claim_host(zoomdb, world["polls"], "polls.example.org")
    job = jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={}, project_id=world["polls"])
    with jobs.running(zoomdb, job, "run-1"):
        assert turns.take(zoomdb, job, world["polls"]) is None
        assert show_all(zoomdb, nginx, show) == []
        assert nginx.site(f"p{world['polls']:08d}") is None
    assert show_all(zoomdb, nginx, show) == []
    assert get(nginx, "polls.example.org")[0] == 200


def test_a_site_that_cannot_be_shown_does_not_keep_the_others_from_it(zoomdb, nginx, world, show, caplog):
    claim_host(zoomdb, world["polls"], "polls.example.org")
    claim_host(zoomdb, world["blog"], "blog.example.org")
    with zoomdb.session() as session:
        first = session.get_one(Release, world["first"])
        running = session.query(Deployment).filter(Deployment.state == DeploymentState.SERVING).one()
        other = Release(project_id=world["blog"], number=1, bundle_id=first.bundle_id, environment=b"")
        session.add(other)
        session.flush()
        running.release_id = session.get_one(Project, world["blog"]).current_release_id = other.id
        session.query(Deployment).filter(Deployment.release_id == first.id).delete()
    (error,) = show_all(zoomdb, nginx, show)
    assert isinstance(error, NoAppserver)
    assert f"showing project {world['polls']} failed, the rest goes on: {error.found}" in caplog.text
    assert get(nginx, "blog.example.org")[2]["X-DjangoZoom"] == "blog v1"


def test_a_proxy_that_shows_everything_is_not_asked_about_each_site(zoomdb, nginx):
    simulated.fill(zoomdb, 50)
    sites = vhosts.all_vhosts(zoomdb, "proxy-1")
    assert len(sites) == 50
    for site in sites.values():
        nginx.replace(site.sysid, config.render(site, statics={}))
    nginx.load()
    nginx.keep()
    shown: list[int] = []

    def repair() -> None:
        folder = nginx.folder / "static"
        values = {"server_name": "proxy-1", "nginx": nginx, "static_folder": folder}
        updates.show_all(zoomdb, shown.append, **values)

    began = time.monotonic()
    repair()
    assert shown == []
    assert time.monotonic() - began < 5
    lost = next(iter(sites))
    nginx.replace(sites[lost].sysid, None)
    nginx.load()
    repair()
    assert shown == [lost]
