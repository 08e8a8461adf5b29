"""The worker hears of work from messages."""

import time

from tests.conftest import Cluster
from tests.integration.worker.conftest import Bench


def test_a_run_starts_when_it_is_told_of_not_when_it_is_polled_for(bench: Bench) -> None:
    begun = time.monotonic()
    bench.look("soon")
    assert time.monotonic() - begun < 15  # the worker polls every minute


def test_work_is_noticed_after_the_connection_was_lost(bench: Bench, cluster: Cluster) -> None:
    with bench.zoomdb.own_connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen dz_work' "
            "and datname = current_database()"
        )
        assert cursor.rowcount == 1
    bench.look("again")
