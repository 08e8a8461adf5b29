import threading
import time
from dataclasses import replace

import pytest

from dz.adapters.processes import Finished
from dz.errors import HookFailed
from dz.tasklib.databases import Credentials
from dz.tasklib.releases import hooks
from dz.tasklib.variables.of_release import variables_of
from tests.conftest import make_release
from tests.manifests import MANIFEST, PLAN


@pytest.fixture
def release(zoomdb):
    plan = replace(PLAN, django_settings_module="site.settings", supplied_environment=(("SHOP_DB", "database_name"),))
    variables = {"DATABASE_URL": "mine", "DZ_MEDIA_ROOT": "/etc", "COLOUR": "a\n%s"}
    return make_release(zoomdb, replace(MANIFEST, plan=plan), variables=variables)


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


def test_django_before_migrations_gets_syncdb(zoomdb, release):
    calls = []
    run = lambda words: calls.append(words[0]) or finished(words)  # noqa: E731
    hooks.run_hooks(zoomdb, release, run=run, hooks=["migrate"], django_version="1.6.11")
    assert calls == ["syncdb"]


def test_the_owners_variables_win_over_usual_names_but_not_over_the_platforms(zoomdb, release):
    def environment():
        return variables_of(
            zoomdb, release, credentials=Credentials("n", "u", "p", "h", 5432, "db-1"), hosts=["a.example.org"],
            origins=["https://a.example.org"], static_url="/static/", media_root="/media",
        )  # fmt: skip

    found = environment()
    assert found["SHOP_DB"] == "n"
    assert (found["DATABASE_URL"], found["DZ_MEDIA_ROOT"], found["COLOUR"]) == ("mine", "/media", "a\n%s")
    assert len(found["SECRET_KEY"]) >= 50
    assert environment()["SECRET_KEY"] == found["SECRET_KEY"]
