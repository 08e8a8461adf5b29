"""Short messages over a real PostgreSQL."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from dz.errors import ServiceUnavailable
from dz.zoomdb import Zoomdb, notices


def test_what_is_sent_while_somebody_listens_is_heard_and_what_was_sent_before_is_not(zoomdb: Zoomdb) -> None:
    notices.send(zoomdb, notices.WORK, "before")
    with notices.listen(zoomdb, notices.WORK) as heard:
        notices.send(zoomdb, notices.ENDED, "of another channel")
        for payload in ("one", "two"):
            notices.send(zoomdb, notices.WORK, payload)
        found = heard.wait(5)
        while len(found) < 2:
            found += heard.wait(5)
        assert found == ["one", "two"]
        assert heard.wait(0) == []


def test_only_what_is_wanted_ends_the_wait(zoomdb: Zoomdb) -> None:
    def send() -> None:
        for payload in ("run-10", "other/completed", "run-1/completed"):
            notices.send(zoomdb, notices.ENDED, payload)

    with notices.listen(zoomdb, notices.ENDED) as heard:
        threading.Timer(0.2, send).start()
        assert heard.wait(20, wanted="run-1") == ["run-1/completed"]


def test_a_wait_without_a_message_ends_in_time(zoomdb: Zoomdb) -> None:
    with notices.listen(zoomdb, notices.WORK) as heard:
        begun = time.monotonic()
        assert heard.wait(0.3) == []
        assert 0.3 <= time.monotonic() - begun < 5


def test_a_lost_connection_is_told_to_who_waits(zoomdb: Zoomdb) -> None:
    with notices.listen(zoomdb, notices.TOLD) as heard:
        with zoomdb.session() as session:
            session.execute(
                text("select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen dz_told'")
            )
        with pytest.raises(ServiceUnavailable):
            heard.wait(20)


def test_a_message_to_a_zoomdb_that_is_away_is_no_error(tmp_path: Path) -> None:
    notices.send(Zoomdb("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", tmp_path / "key"), notices.WORK, "x")


def test_listening_to_a_zoomdb_that_is_away_says_so(tmp_path: Path) -> None:
    nowhere = Zoomdb("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", tmp_path / "key")
    with pytest.raises(ServiceUnavailable), notices.listen(nowhere, notices.WORK):
        pass
