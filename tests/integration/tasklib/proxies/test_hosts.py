"""Host names in a real zoomdb."""

import contextlib
from dataclasses import replace

import pytest
from sqlalchemy import event, select

from dz.adapters.archive import Layer
from dz.errors import HostTaken, InvalidName, PortTaken
from dz.tasklib.proxies.config import Upstream
from dz.tasklib.proxies.hosts import claim_host, release_host
from dz.tasklib.proxies.ports import reserve_site_ports
from dz.tasklib.proxies.vhosts import all_vhosts, vhosts_of
from dz.zoomdb.models import Bundle, Deployment, Project, Release, Server, SitePort
from dz.zoomdb.states import DeploymentState
from tests.manifests import MANIFEST, PLAN

SITE = replace(
    MANIFEST,
    layers=(Layer("code", "c" * 64, 1), Layer("static", "d" * 64, 7)),
    static_map=(("/static/", "static"), ("/media/", "map/0")),
    plan=replace(PLAN, health_path="/up"),
)


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


def test_hosts_show_the_candidate_but_a_version_of_its_own_stays(zoomdb, world):
    claim_host(zoomdb, world["polls"], "polls.example.org")
    claim_host(zoomdb, world["polls"], "V1.example.org", release_id=world["first"])
    now = vhosts_of(zoomdb, world["polls"], "proxy-1")
    assert [(host.name, host.version, host.default) for host in now.vhosts] == [
        ("polls.example.org", 1, True),
        ("v1.example.org", 1, False),
    ]
    assert now.vhosts[0].upstreams == (Upstream("10.0.0.1", 21000), Upstream("10.0.0.2", 21000))
    candidate, own = vhosts_of(zoomdb, world["polls"], "proxy-1", world["second"]).vhosts
    assert (candidate.version, own.version) == (2, 1)
    assert candidate.upstreams == (Upstream("10.0.0.1", 21001),)
    assert (candidate.static_sha256, candidate.static_size, candidate.health_path) == ("d" * 64, 7, "/up")
    assert candidate.static_map == (("/static/", "static"), ("/media/", "map/0"))


def test_a_host_belongs_to_one_project_until_it_is_released(zoomdb, world):
    claim_host(zoomdb, world["polls"], "www.example.org")
    with pytest.raises(HostTaken):
        claim_host(zoomdb, world["blog"], "WWW.Example.org")
    with pytest.raises(InvalidName):
        release_host(zoomdb, world["blog"], "www.example.org")
    reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22010))
    release_host(zoomdb, world["polls"], "www.example.org")
    claim_host(zoomdb, world["blog"], "www.example.org")


def test_names_of_the_platform_and_nonsense_are_refused(zoomdb, world):
    with pytest.raises(HostTaken):
        claim_host(zoomdb, world["blog"], "ui.example.org", reserved={"ui.example.org"})
    for name in ("*.example.org", "10.0.0.1", "a b.example.org", "localhost"):
        with pytest.raises(InvalidName):
            claim_host(zoomdb, world["blog"], name)


def test_each_host_gets_one_port_per_proxy_and_keeps_it(zoomdb, world):
    claim_host(zoomdb, world["polls"], "a.example.org")
    claim_host(zoomdb, world["polls"], "b.example.org")
    for _ in range(2):
        reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22003), usable=lambda port: port != 22001)
    reserve_site_ports(zoomdb, world["polls"], "proxy-2", (22000, 22003))
    assert [host.site_port for host in vhosts_of(zoomdb, world["polls"], "proxy-1").vhosts] == [22000, 22002]
    assert [host.site_port for host in vhosts_of(zoomdb, world["polls"], "proxy-2").vhosts] == [22000, 22001]


def test_a_port_that_another_run_took_meanwhile_is_left_to_it(zoomdb, world):
    claim_host(zoomdb, world["polls"], "a.example.org")
    other = claim_host(zoomdb, world["blog"], "b.example.org")

    def usable(port: int) -> bool:
        if port == 22000:
            # The other run commits between our look and our insert.
            reserve_site_ports(zoomdb, world["blog"], "proxy-1", (22000, 22001), usable=lambda port: port == 22000)
        return True

    reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22001), usable=usable)
    with zoomdb.session() as session:
        ports = {row.virtual_host.name: row.port for row in session.scalars(select(SitePort))}
    assert ports == {"a.example.org": 22001, other: 22000}


def test_a_range_that_is_used_up_is_named(zoomdb, world):
    claim_host(zoomdb, world["polls"], "a.example.org")
    with pytest.raises(PortTaken, match="22000"):
        reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22000), usable=lambda port: False)


def test_all_sites_are_read_in_as_many_queries_as_one(zoomdb, world):
    claim_host(zoomdb, world["polls"], "polls.example.org")
    claim_host(zoomdb, world["polls"], "v2.example.org", release_id=world["second"])
    claim_host(zoomdb, world["blog"], "blog.example.org")
    reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22010))
    with counted(zoomdb) as one:
        site = vhosts_of(zoomdb, world["polls"], "proxy-1")
    with counted(zoomdb) as every:
        assert all_vhosts(zoomdb, "proxy-1") == {world["polls"]: site}  # blog has never been published
    assert [host.version for host in site.vhosts] == [1, 2]
    assert len(every) <= len(one)


@contextlib.contextmanager
def counted(zoomdb):
    asked = []
    event.listen(zoomdb._engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    yield asked
