import threading
import time

import pytest

from dz.adapters.processes import Finished
from dz.errors import HookFailed
from dz.tasklib.releases import hooks
from tests.conftest import make_release


@pytest.fixture
def release(zoomdb):
    return make_release(zoomdb)


def finished(words, code=0, output=""):
    return Finished(tuple(words), code, output, timed_out=False, seconds=1)


def test_two_appservers_run_the_hooks_of_a_release_once(zoomdb, release):
    calls = []

    def run(words):
        calls.append(words)
        time.sleep(0.7)
        return finished(words)

    def work():
        hooks.run_hooks(zoomdb, release, run=run, hooks=["migrate"])

    both = [threading.Thread(target=work) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(20)
    assert calls == [["migrate", "--noinput"]]


def test_a_failed_migration_is_named_and_the_hooks_run_again_next_time(zoomdb, release):
    output = "  Applying blog.0001_initial... OK\n  Applying blog.0002_more...Traceback\nboom"
    with pytest.raises(HookFailed, match=r"in migration blog\.0002_more;") as caught:
        hooks.run_hooks(zoomdb, release, run=lambda words: finished(words, 1, output), hooks=["migrate"])
    assert "boom" in caught.value.found
    calls = []
    hooks.run_hooks(zoomdb, release, run=lambda words: calls.append(words) or finished(words), hooks=["migrate"])
    assert calls


@pytest.mark.parametrize(("south", "expected"), [(False, ["syncdb"]), (True, ["syncdb", "migrate"])])
def test_django_before_migrations_gets_syncdb(zoomdb, release, south, expected):
    calls = []
    run = lambda words: calls.append(words[0]) or finished(words)  # noqa: E731
    hooks.run_hooks(zoomdb, release, run=run, hooks=["migrate"], django_version="1.6.11", south=south)
    assert calls == expected
