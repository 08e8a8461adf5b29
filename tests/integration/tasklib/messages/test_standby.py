"""Runs that stand by, and who tells them their release, over a real zoomdb."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dz.adapters.archive import Layer
from dz.tasklib.messages import standby
from dz.zoomdb import Zoomdb, notices
from dz.zoomdb.models import Standby
from tests.conftest import make_release


@pytest.fixture
def release(zoomdb: Zoomdb) -> int:
    return make_release(zoomdb)


def rows(zoomdb: Zoomdb) -> int:
    with zoomdb.session() as session:
        return session.query(Standby).count()


def test_a_run_that_stands_by_is_told_its_release_at_once(zoomdb: Zoomdb, release: int) -> None:
    told = threading.Timer(0.5, standby.tell, (zoomdb, "run", release))
    others = threading.Timer(0.2, standby.tell, (zoomdb, "other", release))
    begun = time.monotonic()
    for timer in (told, others):
        timer.start()
    assert standby.release_of(zoomdb, "run") == release
    assert 0.4 < time.monotonic() - begun < 0.8
    assert rows(zoomdb) == 1  # the other's


def test_a_run_that_is_told_before_it_asks_does_not_wait(zoomdb: Zoomdb, release: int) -> None:
    assert standby.tell(zoomdb, "run", release)
    begun = time.monotonic()
    assert standby.release_of(zoomdb, "run") == release
    assert time.monotonic() - begun < 0.3
    assert rows(zoomdb) == 0


def test_a_run_is_told_of_layers_before_it_is_told_its_release(zoomdb: Zoomdb, release: int) -> None:
    layer, heard = Layer("environment", "a1" * 32, 12345), []
    threading.Timer(0.3, standby.announce, (zoomdb, "other", layer)).start()
    threading.Timer(0.4, standby.announce, (zoomdb, "run", layer)).start()
    threading.Timer(0.6, notices.send, (zoomdb, notices.TOLD, "run/../../etc/passwd/1")).start()
    threading.Timer(0.8, standby.tell, (zoomdb, "run", release)).start()
    told = standby.release_of(zoomdb, "run", prepare=lambda sha256, size: heard.append((sha256, size)))
    assert (told, heard) == (release, [("a1" * 32, 12345)])


def test_a_run_that_is_not_needed_goes(zoomdb: Zoomdb) -> None:
    assert standby.tell(zoomdb, "run", None)
    assert standby.release_of(zoomdb, "run") is None


def test_who_tells_a_run_that_has_given_up_finds_that_out(zoomdb: Zoomdb, release: int) -> None:
    assert standby.release_of(zoomdb, "run", patience=0.2) is None
    assert not standby.tell(zoomdb, "run", release)
    assert rows(zoomdb) == 0


def test_a_run_that_ended_unheard_is_known_by_what_it_left(zoomdb: Zoomdb, release: int) -> None:
    standby.tell(zoomdb, "run", release)
    assert standby.never_heard(zoomdb, "run")
    standby.tell(zoomdb, "run", release)
    standby.release_of(zoomdb, "run")
    assert not standby.never_heard(zoomdb, "run")


def test_a_release_told_at_the_last_moment_is_either_taken_or_refused(zoomdb: Zoomdb, release: int) -> None:
    names = [f"run-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        took = [pool.submit(standby.release_of, zoomdb, name, patience=0.05) for name in names]
        told = [pool.submit(standby.tell, zoomdb, name, release) for name in names]
        pairs = [(one.result(), other.result()) for one, other in zip(took, told, strict=True)]
    assert set(pairs) <= {(release, True), (None, False)}
    assert rows(zoomdb) == 0
