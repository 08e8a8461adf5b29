"""Versions of a commit's date where the newest fail: the real installer at an index that knows when files were uploaded."""

import datetime as dt
import functools
from dataclasses import replace

import pytest

from dz.adapters.installer import UvInstaller
from dz.adapters.python_downloads import Pythons
from dz.errors import DependencyBuildFailed, VerificationFailed
from dz.tasklib.virtualenvs import distributions, virtualenvs
from dz.tasklib.virtualenvs.dated import Installation
from tests.integration.django_projects import PLAN, make_project
from tests.integration.package_index import running_index

COMMITTED = dt.datetime(2021, 5, 3, 10, tzinfo=dt.UTC)


@pytest.fixture
def index():
    with running_index() as found:
        for name, version, day in (
            ("django", "3.2", "2021-04-06"),
            ("django", "6.0", "2025-12-03"),
            ("gunicorn", "23.0", "2024-08-10"),
            ("psycopg", "3.3", "2025-12-01"),
            ("psycopg2-binary", "2.9.11", "2025-10-10"),
            ("setuptools", "56.0", "2021-04-08"),
            ("setuptools", "80.0", "2025-05-01"),
            ("tiny", "1.0", "2020-01-01"),
        ):
            found.wheel(name, version, day)
        yield found


@pytest.fixture
def installation(index, open_folder, sandbox, python):
    """Make an installation of a project with these requirements, committed at this time."""

    def make(lines="django\ntiny\n", date=COMMITTED, **files):
        checkout = make_project(open_folder / "src", **{"requirements.txt": lines, **files})
        checkout = replace(checkout, date=date)
        names = tuple(files) or ("requirements.txt",)
        plan = replace(PLAN, dependency_files=names, django_version=None)
        folder = open_folder / "envs"
        create = functools.partial(
            virtualenvs.create,
            plan,
            checkout,
            folder=folder,
            installer=UvInstaller(index_url=index.url),
            sandbox=sandbox,
            bytecode=False,
        )
        return Installation(plan, checkout, Pythons((python,)), create, folder)

    return make


def load(virtualenv):
    """Load a project that uses what tiny 2.0 no longer has."""
    if distributions.versions(virtualenv.path)["tiny"] == "1.0":
        return "loaded"
    raise VerificationFailed(
        "ImportError at shop/urls.py:1: cannot import name 'old' from 'tiny'", "Correct it.", "tiny"
    )


def test_a_project_that_the_newest_versions_break_gets_those_of_its_commits_date_and_is_told(
    index, installation, python
):
    index.wheel("tiny", "2.0", "2024-01-01")
    here = installation()
    newest = here.install(python)
    assert (newest.as_of, newest.dated) == ("", ())
    older, answer = here.loaded(newest, load)
    assert answer == "loaded"
    assert older.key != newest.key
    assert older.as_of == "2021-05-03T10:00:00Z"
    found = distributions.versions(older.path)
    assert (found["django"], found["tiny"], found["setuptools"]) == ("3.2", "1.0", "56.0")
    assert (found["gunicorn"], found["psycopg2-binary"]) == ("23.0", "2.9.11")  # the platform's own are the newest
    [said] = older.dated
    assert said == (
        "With the newest versions of its dependencies the project does not load (ImportError at shop/urls.py:1: cannot "
        "import name 'old' from 'tiny'), and none of its lists names the versions that it needs: they were taken as of its "
        "commit's date, 2021-05-03. Older: django 3.2 (not 6.0), setuptools 56.0 (not 80.0), tiny 1.0 (not 2.0). List the "
        "versions that it needs to decide that yourself."
    )
    assert said in older.warnings

    index.wheel("tiny", "1.5", "2020-06-01")  # somebody uploads with a date of the past
    again = installation().install(python)
    assert (again.key, again.reused, again.dated) == (older.key, True, older.dated)  # the same commit, the same set
    later = installation(date=COMMITTED + dt.timedelta(days=1))
    later = replace(later, checkout=replace(later.checkout, commit="1" * 40))
    assert later.install(python).key == newest.key  # its code may fit the newest


def test_a_newest_version_that_does_not_build_is_not_tried_twice(index, installation, python):
    index.broken_source("tiny", "2.0", "2024-01-01")
    made = installation().install(python)
    assert distributions.versions(made.path)["tiny"] == "1.0"
    [said] = made.dated
    assert said == (
        "The newest tiny==2.0 does not build here, and none of its lists names the versions that it needs: they were taken "
        "as of its commit's date, 2021-05-03. Chosen so: django 3.2, setuptools 56.0, tiny 1.0. List the versions that it "
        "needs to decide that yourself."
    )
    index.asked.clear()
    assert installation().install(python).reused
    assert index.asked == []


@pytest.mark.parametrize(
    ("lines", "date", "files"),
    [
        ("django\ntiny==2.0\n", COMMITTED, {}),
        ("django\ntiny\n", None, {}),
        ("django\ntiny\n", dt.datetime.now(dt.UTC), {}),
        (
            "",
            COMMITTED,
            {"pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "django"\nversion = "6.0"\n'
             '[[packages]]\nname = "tiny"\nversion = "2.0"\n'},
        ),
    ],
    ids=["a pin decides", "no date", "committed just now", "a lock decides"],
)  # fmt: skip
def test_where_a_pin_or_a_lock_decides_or_the_date_cannot_help_nothing_older_is_installed(
    index, installation, python, lines, date, files
):
    index.broken_source("tiny", "2.0", "2024-01-01")
    with pytest.raises(DependencyBuildFailed, match=r"The dependency tiny==2.0 has no wheel") as caught:
        installation(lines, date, **files).install(python)
    assert "date" not in caught.value.found


def test_an_index_without_upload_dates_is_named_as_why_it_could_not_be_tried(index, installation, python):
    index.wheel("tiny", "2.0", "2024-01-01")
    index.dates = False
    here = installation()
    with pytest.raises(VerificationFailed) as caught:
        here.loaded(here.install(python), load)
    assert caught.value.found.startswith(
        "ImportError at shop/urls.py:1: cannot import name 'old' from 'tiny'. Nothing says which version of tiny the project "
        "was written for; tiny 2.0 was installed, which no longer has what it uses. Versions of its commit's date, "
        "2021-05-03, could not be tried: The package index gives no upload date for"
    )


def test_a_project_that_does_not_load_with_older_versions_either_is_told_both(index, installation, python):
    index.wheel("tiny", "2.0", "2024-01-01")

    def never(virtualenv):
        version = distributions.versions(virtualenv.path)["tiny"]
        raise VerificationFailed(f"It fails with tiny {version}.\nmore", "Correct it.", "tiny")

    here = installation()
    with pytest.raises(VerificationFailed) as caught:
        here.loaded(here.install(python), never)
    assert caught.value.found.endswith("2021-05-03, it does not load either: It fails with tiny 1.0.")
    assert here.install(python).as_of == ""
