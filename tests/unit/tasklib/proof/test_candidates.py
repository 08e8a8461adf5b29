"""Which configurations of a repository are tried, and in which order."""

import shutil
from pathlib import Path

import pytest

from dz.errors import InvalidConfig
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Guess, Inspection, inspect
from dz.tasklib.proof import candidates
from tests import PROJECTS


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A repository with two projects, of which one has more than the other."""
    shutil.copytree(PROJECTS / "two_candidates", tmp_path, dirs_exist_ok=True)
    return tmp_path


def plans(root: Path, inspection: Inspection | None = None) -> list[Plan]:
    checkout = Checkout(root, "https://example.org/site.git", None, "0" * 40, "x", "p00000001")
    return candidates.plans(inspection or inspect(root), checkout)


def test_a_plain_project_has_one_candidate() -> None:
    [plan] = plans(PROJECTS / "sqlite_single")
    assert (plan.project_root, plan.django_settings_module) == (".", "mysite.settings")


def test_of_two_projects_each_has_its_own_settings_entry_and_requirements(two: Path) -> None:
    (two / "store" / "requirements.txt").write_text("django==5.1\n")
    (two / "store" / ".python-version").write_text("3.11\n")
    found = {plan.project_root: plan for plan in plans(two)}
    assert found.keys() == {"blog", "store"}
    blog, store = found["blog"], found["store"]
    assert (blog.django_settings_module, blog.wsgi) == ("blogsite.settings", "blogsite.wsgi:application")
    assert (store.django_settings_module, store.wsgi) == ("storesite.settings", "storesite.wsgi:application")
    assert (blog.dependency_files, store.dependency_files) == (("blog/requirements.txt",), ("store/requirements.txt",))
    assert store.python_version == "3.11"


def test_a_second_project_without_requirements_takes_those_of_the_first(two: Path) -> None:
    first, second = plans(two)
    (two / second.project_root / "requirements.txt").unlink(missing_ok=True)
    again = plans(two)[1]
    assert (again.project_root, again.dependency_files) == (second.project_root, first.dependency_files)


def test_settings_that_the_repository_names_itself_are_the_only_candidate(two: Path) -> None:
    (two / "zoombuild.cfg").write_text("[project]\nproject_root = store\ndjango_settings_module = storesite.settings\n")
    [plan] = plans(two)
    assert (plan.project_root, plan.django_settings_module) == ("store", "storesite.settings")
    (two / "zoombuild.cfg").write_text("[project]\ndjango_settings_module = not a module\n")
    with pytest.raises(InvalidConfig, match=r"zoombuild\.cfg, line 2"):
        plans(two)


def test_the_likeliest_comes_first_and_not_more_than_a_few_are_tried(tmp_path: Path) -> None:
    shutil.copytree(PROJECTS / "sqlite_single", tmp_path, dirs_exist_ok=True)
    names = [f"mysite.other{number}" for number in range(6)]
    for name in names:
        (tmp_path / f"{name.replace('.', '/')}.py").write_text("SECRET_KEY = 'x'\n")
    others = [Guess("settings_module", name, "a.py:1", is_primary=False) for name in ["mysite.gone", *names]]
    read = inspect(tmp_path)
    inspection = Inspection(**{**vars(read), "guesses": (*others, *read.guesses)})
    found = [plan.django_settings_module for plan in plans(tmp_path, inspection)]
    assert found == ["mysite.settings", *names[: candidates.MOST - 1]], "settings that are not there are left out"


def test_settings_that_two_projects_have_are_tried_in_the_likelier_one(tmp_path: Path) -> None:
    for name in ("a/main.py", "a/shared.py", "b/shared.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("SECRET_KEY = 'x'\n")
    inspection = Inspection(
        is_django=True,
        project_root="a",
        settings_module="main",
        guesses=(
            Guess("project_root", "b", "b/manage.py:1", is_primary=False),
            Guess("project_root", "a", "a/manage.py:1"),
            Guess("settings_module", "shared", "b/manage.py:3", is_primary=False),
            Guess("settings_module", "main", "a/manage.py:3"),
        ),
    )
    found = [(plan.project_root, plan.django_settings_module) for plan in plans(tmp_path, inspection)]
    assert found == [("a", "main"), ("a", "shared")]
