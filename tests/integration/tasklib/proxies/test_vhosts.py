"""What a proxy shall show, from the rows of a real zoomdb."""

import contextlib

from sqlalchemy import event

from dz.tasklib.proxies.config import SiteConfig, Upstream
from dz.tasklib.proxies.hosts import claim_host
from dz.tasklib.proxies.ports import reserve_site_ports
from dz.tasklib.proxies.vhosts import all_vhosts, vhosts_of
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import DeploymentState


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


def test_a_version_of_its_own_name_that_runs_nowhere_is_left_out(zoomdb, world):
    claim_host(zoomdb, world["polls"], "polls.example.org")
    claim_host(zoomdb, world["polls"], "v2.example.org", release_id=world["second"])
    with zoomdb.session() as session:
        session.query(Deployment).update({"state": DeploymentState.STOPPED})
    (shown,) = vhosts_of(zoomdb, world["polls"], "proxy-1").vhosts
    assert (shown.name, shown.upstreams) == ("polls.example.org", ())  # which publishing refuses


def test_a_project_without_hosts_shows_nothing(zoomdb, world):
    assert vhosts_of(zoomdb, world["blog"], "proxy-1") == SiteConfig(f"p{world['blog']:08d}", ())


@contextlib.contextmanager
def counted(zoomdb):
    asked = []
    event.listen(zoomdb._engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    yield asked
