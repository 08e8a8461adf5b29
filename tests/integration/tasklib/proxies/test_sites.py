"""Where people find a site, from the rows of a real zoomdb."""

from dz.tasklib.proxies import sites
from dz.tasklib.proxies.hosts import claim_host
from dz.tasklib.proxies.ports import reserve_site_ports


def test_a_site_is_found_under_its_newest_name_that_shows_the_current_version(zoomdb, world):
    claim_host(zoomdb, world["polls"], "polls.apps.example.org")
    claim_host(zoomdb, world["polls"], "www.example.org")
    claim_host(zoomdb, world["polls"], "v1.example.org", release_id=world["first"])
    assert sites.of_release(zoomdb, world["second"]).result() == {
        "url": "http://www.example.org/",
        "project": "polls",
        "version": 2,
        "commit": "a" * 40,
        "hosts": ["polls.apps.example.org", "www.example.org"],
    }


def test_a_local_stacks_site_opens_without_any_host_file(zoomdb, world):
    claim_host(zoomdb, world["polls"], "polls.apps.example.org")
    claim_host(zoomdb, world["blog"], "blog.example.org")
    reserve_site_ports(zoomdb, world["blog"], "proxy-1", (22000, 22010))
    reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22010))
    assert sites.of_release(zoomdb, world["first"]).url == "http://127.0.0.1:22001/"


def test_every_release_that_is_shown_has_a_url(zoomdb, world):
    claim_host(zoomdb, world["polls"], "polls.apps.example.org")
    claim_host(zoomdb, world["polls"], "v2.example.org", release_id=world["second"])
    claim_host(zoomdb, world["blog"], "blog.example.org")
    found = {world["first"]: "http://polls.apps.example.org/", world["second"]: "http://v2.example.org/"}
    assert sites.urls(zoomdb) == found
    assert sites.urls(zoomdb, tls=True) == {release: url.replace("http", "https") for release, url in found.items()}
    assert sites.of_release(zoomdb, world["first"], tls=True).url == "https://polls.apps.example.org/"
    reserve_site_ports(zoomdb, world["polls"], "proxy-1", (22000, 22010))
    assert sites.urls(zoomdb) == {world["first"]: "http://127.0.0.1:22000/", world["second"]: "http://127.0.0.1:22001/"}
