"""What Prefect keeps is bounded: a real Prefect server removes what is older than its settings say."""

import contextlib
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from tests.faults.stack.conftest import Site, wait_until

pytestmark = pytest.mark.timeout(900)


def _prefect_database(site: Site) -> "contextlib.closing[psycopg2.extensions.connection]":
    here = make_url(site.stack.settings["zoomdb_url"])
    word = (site.stack.state / "keys" / "prefect-database.password").read_text().strip()
    place = {"host": here.host or here.query.get("host"), "port": here.port or here.query.get("port")}
    connection = psycopg2.connect(**place, user="prefect", password=word, dbname="prefect")
    connection.autocommit = True
    return contextlib.closing(connection)


def _count(cursor: Any, query: str) -> int:
    cursor.execute(query)
    return int(cursor.fetchone()[0])


def test_old_runs_and_events_leave_prefect_and_fresh_ones_stay(site: Site) -> None:
    with _prefect_database(site) as connection, connection.cursor() as cursor:
        cursor.execute("update flow_run set end_time = end_time - interval '40 days' where state_type = 'COMPLETED'")
        aged = cursor.rowcount
        cursor.execute("update events set occurred = occurred - interval '4 days'")
        events = cursor.rowcount
        assert aged > 0
        assert events > 0
        old_runs = "select count(*) from flow_run where end_time < now() - interval '31 days'"
        old_events = "select count(*) from events where occurred < now() - interval '3 days'"
        wait_until("old runs are gone", lambda: _count(cursor, old_runs) == 0)
        wait_until("old events are gone", lambda: _count(cursor, old_events) == 0)
        orphans = "select count(*) from log where flow_run_id not in (select id from flow_run)"
        wait_until("their logs are gone", lambda: _count(cursor, orphans) == 0)
    site.deploy()
    assert site.is_well()
