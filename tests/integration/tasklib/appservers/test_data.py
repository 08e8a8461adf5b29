"""The copy of a committed database's rows: when it is made, and what is said of it."""

import json
from dataclasses import replace

import pytest

from dz.adapters.processes import Finished
from dz.errors import DataNotCopied
from dz.tasklib.appservers import data
from dz.tasklib.jobs import jobs, log
from dz.tasklib.releases import releases
from dz.zoomdb.states import JobKind


class Project:
    """A process of a project's that answers a command with these lines and this exit code."""

    def __init__(self, output: str, code: int = 0) -> None:
        self.output, self.code, self.asked = output, code, []

    def __call__(self, words: list[str]) -> Finished:
        self.asked.append(words)
        return Finished(("manage.py", *words), self.code, self.output, timed_out=False, seconds=1)


@pytest.fixture
def job(zoomdb):
    return jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={}, requested_by="test")


def _with(site, *, copy_data=True, data_file="db.sqlite3"):
    manifest = site.instance.manifest
    return replace(
        site.instance,
        manifest=replace(manifest, data_file=data_file, plan=replace(manifest.plan, copy_data=copy_data)),
    )


@pytest.mark.parametrize(
    ("told", "more"),
    [
        ('{"rows": {"shop_item": 7, "shop_size": 2}, "files": 3}', " Committed files that they name are uploads of the site now: 3."),
        ('{"rows": {"shop_item": 7, "shop_size": 2}, "files": 0}', ""),
        ('{"rows": {"shop_item": 7, "shop_size": 2}, "files": "many"}', ""),
        ('{"shop_item": 7, "shop_size": 2}', ""),
    ],
)  # fmt: skip
def test_the_rows_are_copied_on_a_yes_and_counted_in_the_jobs_result_and_log(zoomdb, site, job, told, more):
    project = Project(f"noise\ndz_data: {told}\nbye\n")
    data.copy_once(zoomdb, _with(site), job, run=project)
    assert project.asked == [["dz_data", "db.sqlite3"]]
    assert jobs.get(zoomdb, job).result["copied"] == {"shop_item": 7, "shop_size": 2}
    (line,) = log.lines(zoomdb, job)
    assert line.message == f"9 rows of db.sqlite3 were copied and counted: shop_item 7, shop_size 2.{more}"


@pytest.mark.parametrize(
    ("count", "many"), [(1, "1 account with superuser rights"), (3, "3 accounts with superuser rights")]
)
def test_accounts_with_all_rights_that_came_along_are_a_warning(zoomdb, site, job, count, many):
    told = json.dumps({"rows": {"auth_user": 9}, "files": 0, "superusers": count})
    data.copy_once(zoomdb, _with(site), job, run=Project(f"dz_data: {told}\n"))
    [said] = log.warnings(log.lines(zoomdb, job))
    assert said == (
        f"{many} came with the rows of db.sqlite3. Whoever can read the repository has what its passwords are checked "
        "against: give them new ones, and remove accounts that were only for trying."
    )


@pytest.mark.parametrize("instance", [{"copy_data": False}, {"data_file": ""}])
def test_nothing_is_copied_without_a_yes_or_without_a_file(zoomdb, site, job, instance):
    project = Project("")
    data.copy_once(zoomdb, _with(site, **instance), job, run=project)
    assert project.asked == []


def test_nothing_is_copied_once_users_have_seen_a_version(zoomdb, site, job):
    releases.publish(zoomdb, site.instance.release_id)
    project = Project("")
    data.copy_once(zoomdb, _with(site), job, run=project)
    assert project.asked == []


def test_what_could_not_be_copied_is_the_owners_matter(zoomdb, site, job):
    with pytest.raises(DataNotCopied, match=r"not copied: shop_item: value too long\. The site's new database has its"):
        data.copy_once(zoomdb, _with(site), job, run=Project("dz_data: shop_item: value too long\n", code=1))
    with pytest.raises(DataNotCopied, match="not copied: Killed"):
        data.copy_once(zoomdb, _with(site), job, run=Project("Killed\n", code=-9))
