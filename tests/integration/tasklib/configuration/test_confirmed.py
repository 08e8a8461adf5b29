"""Configurations that were confirmed or proved to build, kept by version."""

from dz.tasklib import projects
from dz.tasklib.configuration import confirmed
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Project, Release
from tests.conftest import make_release


def _project(zoomdb: Zoomdb, name: str) -> int:
    return projects.ensure(zoomdb, name=name, url=f"https://example.org/{name}.git", ref=None).id


def test_each_other_text_is_a_version_and_the_same_one_again_is_none(zoomdb: Zoomdb) -> None:
    shop, blog = _project(zoomdb, "shop"), _project(zoomdb, "blog")
    for text in ("one", "one", None, "two", "one"):
        confirmed.store(zoomdb, shop, text)
    confirmed.store(zoomdb, blog, "of the blog")

    assert [number for number, _ in confirmed.versions(zoomdb, shop)] == [3, 2, 1]
    assert [confirmed.newest(zoomdb, shop, number=number) for number in (1, 2, 3, 4)] == ["one", "two", "one", None]
    assert confirmed.newest(zoomdb, shop) == "one"
    assert confirmed.newest(zoomdb, blog) == "of the blog"
    created = [time for _, time in confirmed.versions(zoomdb, shop)]
    assert created == sorted(created, reverse=True)


def test_a_project_without_any_has_none(zoomdb: Zoomdb) -> None:
    project = _project(zoomdb, "shop")
    confirmed.store(zoomdb, project, None)
    assert (confirmed.newest(zoomdb, project), confirmed.versions(zoomdb, project)) == (None, [])


def test_what_users_see_was_built_from_the_text_of_its_bundle_not_from_the_newest(zoomdb: Zoomdb) -> None:
    release = make_release(zoomdb)
    with zoomdb.session() as session:
        row = session.get_one(Release, release)
        project, row.bundle.config = row.project_id, "served"
    confirmed.store(zoomdb, project, "newer")
    assert confirmed.served(zoomdb, project) is None

    with zoomdb.session() as session:
        session.get_one(Project, project).current_release_id = release

    assert confirmed.served(zoomdb, project) == "served"
