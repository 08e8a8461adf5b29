import threading
import time

import pytest

from dz.adapters.processes import Finished
from dz.errors import HookFailed, InvalidConfig
from dz.tasklib.releases import hooks
from dz.zoomdb.models import Release
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
    assert calls == [["migrate", "--noinput", "--skip-checks"]]


def test_a_failed_migration_is_named_and_the_hooks_run_again_next_time(zoomdb, release):
    output = "  Applying blog.0001_initial... OK\n  Applying blog.0002_more...Traceback\nboom"
    with pytest.raises(HookFailed, match=r"in migration blog\.0002_more\. Its last") as caught:
        hooks.run_hooks(zoomdb, release, run=lambda words: finished(words, 1, output), hooks=["migrate"])
    assert "boom" in caught.value.found
    calls = []
    hooks.run_hooks(zoomdb, release, run=lambda words: calls.append(words) or finished(words), hooks=["migrate"])
    assert calls


def test_django_before_migrations_gets_syncdb(zoomdb, release):
    calls = []
    run = lambda words: calls.append(words[0]) or finished(words)  # noqa: E731
    hooks.run_hooks(zoomdb, release, run=run, hooks=["migrate"], django_version="1.6.11")
    assert calls == ["syncdb"]


def test_django_before_3_0_knows_no_way_to_skip_checks(zoomdb, release):
    calls = []
    run = lambda words: calls.append(words) or finished(words)  # noqa: E731
    hooks.run_hooks(zoomdb, release, run=run, hooks=["migrate"], django_version="2.2.28")
    assert calls == [["migrate", "--noinput"]]


def test_a_previous_version_is_said_to_serve_where_there_is_one(zoomdb, release):
    with zoomdb.session() as session:
        first = session.get_one(Release, release)
        other = Release(project_id=first.project_id, number=2, bundle_id=first.bundle_id, environment=b"")
        session.add(other)
        session.flush()
        first.project.current_release_id, second = release, other.id
    with pytest.raises(HookFailed, match=r"with code 1; the previous version still serves\."):
        hooks.run_hooks(zoomdb, second, run=lambda words: finished(words, 1), hooks=["migrate"])


@pytest.mark.parametrize(
    "said",
    [
        "CommandError: Error: That username is already taken.\n",
        "IntegrityError: duplicate key value violates unique constraint\nDETAIL:  Key (username)=(ann) already exists.\n",
    ],
    ids=["by Django", "by PostgreSQL"],
)
def test_a_superuser_who_is_there_is_no_failure_of_the_hook_that_makes_one(zoomdb, release, said):
    calls = []

    def run(words):
        calls.append(words)
        return finished(words, code=1, output=said)

    hooks.run_hooks(zoomdb, release, run=run, hooks=["createsuperuser"])
    assert calls == [["createsuperuser", "--noinput"]]


def test_a_superuser_who_cannot_be_made_fails_as_any_hook_and_so_does_what_exists_for_another_command(zoomdb, release):
    lacking = "CommandError: You must use --username with --noinput.\n"
    with pytest.raises(HookFailed, match="--username"):
        hooks.run_hooks(zoomdb, release, run=lambda words: finished(words, 1, lacking), hooks=["createsuperuser"])
    there = "DETAIL:  Key (id)=(1) already exists.\n"
    with pytest.raises(HookFailed, match="already exists"):
        hooks.run_hooks(zoomdb, release, run=lambda words: finished(words, 1, there), hooks=["loaddata colours"])


def test_a_hook_that_is_no_command_of_manage_py_runs_nothing(zoomdb, release):
    for hook in ("", "--help"):
        with pytest.raises(InvalidConfig, match="cannot be a release hook"):
            hooks.run_hooks(zoomdb, release, run=pytest.fail, hooks=["migrate", hook])


def test_hooks_run_in_their_order_and_the_first_that_fails_is_the_last(zoomdb, release):
    calls = []

    def run(words):
        calls.append(words)
        return finished(words, code=int(words[0] == "fail"))

    with pytest.raises(HookFailed, match=r"manage\.py fail now failed with code 1\. Its last lines"):
        hooks.run_hooks(zoomdb, release, run=run, hooks=["migrate", "loaddata colours", "fail now", "never"])
    assert calls == [["migrate", "--noinput", "--skip-checks"], ["loaddata", "colours"], ["fail", "now"]]


def test_hooks_of_two_versions_of_a_project_never_run_at_the_same_time(zoomdb, release):
    with zoomdb.session() as session:
        first = session.get_one(Release, release)
        other = Release(project_id=first.project_id, number=2, bundle_id=first.bundle_id, environment=b"")
        session.add(other)
        session.flush()
        second = other.id
    running, most = [], []

    def run(words):
        running.append(words)
        most.append(len(running))
        time.sleep(0.3)
        running.pop()
        return finished(words)

    both = [
        threading.Thread(target=hooks.run_hooks, args=(zoomdb, number), kwargs={"run": run, "hooks": ["migrate"]})
        for number in (release, second)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(20)
    assert most == [1, 1]


def test_a_migration_that_gets_no_lock_is_tried_again_and_says_who_holds_it(zoomdb, release, monkeypatch):
    monkeypatch.setattr(hooks, "LOCK_PAUSE", 0)
    told, answers = [], [finished(["migrate"], 1, "x\ndz_locks: process 7 is idle\n")] * 2 + [finished(["migrate"])]
    hooks.run_hooks(zoomdb, release, run=lambda _: answers.pop(0), hooks=["migrate"], waits=told.append)
    assert (answers, told) == ([], ["process 7 is idle"] * 2)


def test_a_migration_that_never_gets_its_lock_fails_with_who_holds_it(zoomdb, release, monkeypatch):
    monkeypatch.setattr(hooks, "LOCK_SECONDS", 0)
    output = "  Applying shop.0002_colour...\ndz_locks: process 7 is idle\n"
    with pytest.raises(
        HookFailed, match=r"did not get a lock in migration shop\.0002_colour within .*: process 7 is idle"
    ):
        hooks.run_hooks(zoomdb, release, run=lambda words: finished(words, 1, output), hooks=["migrate"])
