"""Projects in a real zoomdb."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dz.errors import InvalidName, UnknownProject
from dz.tasklib import projects
from dz.zoomdb import Zoomdb
from tests.conftest import make_release


def test_a_project_is_found_by_its_url_and_named_after_it(zoomdb: Zoomdb) -> None:
    first = projects.ensure(zoomdb, name=None, url="https://example.org/blog.git", ref=None)
    again = projects.ensure(zoomdb, name=None, url="https://example.org/blog.git", ref=None)
    other = projects.ensure(zoomdb, name=None, url="https://example.com/blog.git", ref=None)
    assert (first.name, again.id, other.name) == ("blog", first.id, "blog-2")
    with pytest.raises(UnknownProject):
        projects.find(zoomdb, "nothing")


def test_two_jobs_that_meet_a_new_url_at_once_get_one_project(zoomdb: Zoomdb) -> None:
    def meet(_: int) -> int:
        return projects.ensure(zoomdb, name="blog", url="https://example.org/blog.git", ref=None).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(meet, range(8)))) == 1
    assert len(projects.listed(zoomdb)) == 1


def test_a_name_that_is_given_may_be_a_second_project_of_the_same_url(zoomdb: Zoomdb) -> None:
    url = "https://example.org/blog.git"
    first = projects.ensure(zoomdb, name=None, url=url, ref=None)
    second = projects.ensure(zoomdb, name="staging", url=url, ref="dev")
    assert (second.name, second.ref) == ("staging", "dev")
    assert projects.of_source(zoomdb, url) == first
    assert projects.of_source(zoomdb, "https://example.org/other.git") is None


def test_the_source_changes_and_the_ref_stays_unless_another_is_given(zoomdb: Zoomdb) -> None:
    project = projects.ensure(zoomdb, name="blog", url="https://example.org/blog.git", ref="main")
    projects.set_source(zoomdb, project.id, url="https://example.com/blog.git", ref=None)
    moved = projects.find(zoomdb, "blog")
    assert (moved.source_url, moved.ref) == ("https://example.com/blog.git", "main")


def test_a_project_is_renamed_with_its_title_until_it_has_a_version(zoomdb: Zoomdb) -> None:
    project = projects.ensure(zoomdb, name="blog", url="https://example.org/blog.git", ref=None)
    projects.rename(zoomdb, project.id, "journal")
    assert (projects.get(zoomdb, project.id).name, projects.get(zoomdb, project.id).title) == ("journal", "journal")
    projects.set_title(zoomdb, project.id, "My Journal" * 50)
    projects.rename(zoomdb, project.id, "diary")
    assert projects.get(zoomdb, project.id).title == ("My Journal" * 50)[:200]

    make_release(zoomdb)
    released = projects.find(zoomdb, "site")
    with pytest.raises(InvalidName, match="taken by the project from https://example"):
        projects.rename(zoomdb, project.id, "site")
    with pytest.raises(InvalidName, match="has versions already, so its name stays"):
        projects.rename(zoomdb, released.id, "other")
    projects.refuse_name(zoomdb, released.id, "site")  # its own name is none that it could not have
