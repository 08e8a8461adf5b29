"""With many projects nothing that a deploy does may take longer: no query reads a table that grows, nginx is told O(1)."""

import time

from sqlalchemy import text

from bench import scale, simulated
from bench.queries import whole_tables_read
from dz.tasklib.proxies import config, updates, vhosts
from tests.integration.adapters.test_nginx import nginx as nginx  # noqa: PLC0414  the fixture

PROJECTS = 2_000


def test_no_query_of_a_deploy_reads_a_whole_table_that_grows(zoomdb):
    simulated.fill(zoomdb, PROJECTS)
    with whole_tables_read(zoomdb) as read:
        scale.of_zoomdb(zoomdb, scale.Costs())
    assert not read


def test_a_query_without_an_index_is_found(zoomdb):
    simulated.fill(zoomdb, PROJECTS)
    with whole_tables_read(zoomdb) as read, zoomdb.session() as session:
        session.execute(text("select * from project where title = 'Site 7'"))
    assert [line.split(":")[0] for line in read] == ["project"]


def test_a_proxy_that_shows_everything_is_not_asked_about_each_site(zoomdb, nginx):
    simulated.fill(zoomdb, 50)
    sites = vhosts.all_vhosts(zoomdb, "proxy-1")
    assert len(sites) == 50
    for site in sites.values():
        nginx.replace(site.sysid, config.render(site, port=nginx.port, statics={}))
    nginx.load()
    nginx.keep()
    shown: list[int] = []

    def repair() -> None:
        folder = nginx.folder / "static"
        values = {"server_name": "proxy-1", "nginx": nginx, "static_folder": folder}
        updates.show_all(zoomdb, shown.append, report=lambda error: None, **values)

    began = time.monotonic()
    repair()
    assert shown == []
    assert time.monotonic() - began < 5
    lost = next(iter(sites))
    nginx.replace(sites[lost].sysid, None)
    nginx.load()
    repair()
    assert shown == [lost]
