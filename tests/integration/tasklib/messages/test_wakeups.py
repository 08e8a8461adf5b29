"""Messages between servers over a real zoomdb."""

import threading
import time
from pathlib import Path

from sqlalchemy import text

from dz.tasklib.messages import wakeups
from dz.zoomdb import Zoomdb, notices


def test_a_parent_looks_when_its_child_says_that_it_ends_and_not_for_others(zoomdb: Zoomdb) -> None:
    looks: list[float] = []
    begun = time.monotonic()
    ends = [
        threading.Timer(0.3, wakeups.run_ended, (zoomdb, "other")),
        threading.Timer(0.8, wakeups.run_ended, (zoomdb, "mine")),
    ]
    for end in ends:
        end.start()
    for _ in wakeups.times_to_look(zoomdb, "mine", seconds=10):
        looks.append(time.monotonic() - begun)
        break
    assert 0.7 < looks[0] < 1.0


def test_a_run_that_ended_before_anybody_listened_is_not_waited_for_long(zoomdb: Zoomdb) -> None:
    wakeups.run_ended(zoomdb, "mine")
    begun = time.monotonic()
    next(wakeups.times_to_look(zoomdb, "mine", seconds=10))
    assert time.monotonic() - begun < 2


def test_a_run_whose_worker_tells_nothing_is_looked_at_twice_a_second(zoomdb: Zoomdb) -> None:
    assert 3 <= len(list(wakeups.times_to_look(zoomdb, "mine", seconds=2, told=False))) <= 5


def test_a_parent_goes_on_looking_without_zoomdb(tmp_path: Path) -> None:
    nowhere = Zoomdb("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", tmp_path / "key")
    wakeups.work_sent(nowhere, "build", "all")
    looks = list(wakeups.times_to_look(nowhere, "mine", seconds=1.2))
    assert 2 <= len(looks) <= 4


def test_a_parent_whose_connection_is_cut_goes_on_looking(zoomdb: Zoomdb) -> None:
    looks = wakeups.times_to_look(zoomdb, "mine", seconds=10)
    next(looks)
    with zoomdb.session() as session:
        session.execute(text("select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen dz_ended'"))
    begun = time.monotonic()
    next(looks)  # the loss itself is a reason to look
    next(looks)  # as is that messages come again
    wakeups.run_ended(zoomdb, "mine")
    next(looks)
    assert time.monotonic() - begun < wakeups.SLOW_SECONDS


def test_hostile_messages_are_strange_text_at_worst(zoomdb: Zoomdb) -> None:
    with notices.listen(zoomdb, notices.WORK) as heard:
        wakeups.work_sent(zoomdb, "build'; drop table job; --", "\x1b]8;;" + "x" * 5000)
        (payload,) = heard.wait(2)
        assert payload.startswith("build'; drop table job")
        assert len(payload) == 200
