"""With many projects no query of a deploy reads a whole table that grows."""

from sqlalchemy import text

from bench import scale, simulated
from bench.queries import whole_tables_read

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
