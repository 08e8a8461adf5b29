"""Host names in a real zoomdb."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dz.errors import HostTaken, InvalidName
from dz.tasklib.proxies.hosts import claim_host, refuse_taken, release_host
from dz.tasklib.proxies.ports import reserve_site_ports
from dz.tasklib.proxies.vhosts import vhosts_of


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


def test_a_host_may_be_pinned_to_a_version_and_set_free_again(zoomdb, world):
    for release in (world["first"], None):
        claim_host(zoomdb, world["polls"], "www.example.org", release_id=release)
        (shown,) = vhosts_of(zoomdb, world["polls"], "proxy-1").vhosts
        assert shown.default is (release is None)


def test_of_two_projects_that_claim_a_host_at_once_one_gets_it(zoomdb, world):
    def claim(project):
        try:
            return claim_host(zoomdb, world[project], "www.example.org")
        except HostTaken:
            return None

    with ThreadPoolExecutor(2) as pool:
        claims = list(pool.map(claim, ("polls", "blog")))
    assert sorted(claims, key=str) == [None, "www.example.org"]


def test_whether_a_host_is_taken_can_be_asked_before_a_build(zoomdb, world):
    claim_host(zoomdb, world["polls"], "www.example.org")
    refuse_taken(zoomdb, world["polls"], "WWW.example.org")
    refuse_taken(zoomdb, world["blog"], "blog.example.org")
    with pytest.raises(HostTaken, match=r"www\.example\.org belongs to another project"):
        refuse_taken(zoomdb, world["blog"], "WWW.example.org")
