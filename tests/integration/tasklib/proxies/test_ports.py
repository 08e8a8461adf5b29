"""Ports by which a local stack shows each host, in a real zoomdb."""

import pytest
from sqlalchemy import select

from dz.errors import PortTaken
from dz.tasklib.proxies.hosts import claim_host
from dz.tasklib.proxies.ports import reserve_site_ports
from dz.tasklib.proxies.vhosts import vhosts_of
from dz.zoomdb.models import SitePort


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
