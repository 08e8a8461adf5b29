"""How a plan follows from detection, from each configuration and from the form: who wins."""

import pytest

from dz.errors import AmbiguousProject, NotDjango
from dz.tasklib.configuration.resolution import resolve
from dz.tasklib.configuration.zoombuild import parse
from dz.tasklib.detection import inspect
from tests import PROJECTS

URL = "https://git.example.org/me/my-site.git"


def test_attached_wins_over_stored_over_repository_over_detection() -> None:
    found = inspect(PROJECTS / "sqlite_single")

    def cfg(**keys: str) -> object:
        return parse("[project]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))

    plan = resolve(
        found,
        source_url=URL,
        attached=cfg(title="attached"),
        stored=cfg(title="stored", processes="3"),
        in_repo=cfg(title="repo", processes="4", health_path="/up"),
    )
    assert (plan.title, plan.processes, plan.health_path) == ("attached", 3, "/up")
    assert plan.django_settings_module == "mysite.settings"
    assert plan.dependency_files == ("requirements.txt",)


def test_detection_alone_makes_a_whole_plan() -> None:
    plan = resolve(inspect(PROJECTS / "uv_pyproject"), source_url=URL)
    assert plan.title == "My site"
    assert (plan.package_manager, plan.dependency_files) == ("uv", ("pyproject.toml", "uv.lock"))
    assert (plan.python_version, plan.python_version_basis) == (">=3.11", "requires-python")
    assert plan.required_environment == ("SECRET_KEY",)
    assert plan.hooks == ("migrate",)


def test_no_django_is_refused_with_the_reason() -> None:
    with pytest.raises(NotDjango, match="No Django project was found"):
        resolve(inspect(PROJECTS / "not_django"), source_url=URL)


def test_several_projects_are_listed_until_a_configuration_chooses() -> None:
    found = inspect(PROJECTS / "two_candidates")
    with pytest.raises(AmbiguousProject) as caught:
        resolve(found, source_url=URL)
    assert "blogsite.settings (blog/manage.py:" in caught.value.found
    assert "storesite.settings (store/manage.py:" in caught.value.found
    chosen = parse("[project]\nproject_root = store\ndjango_settings_module = storesite.settings\n")
    assert resolve(found, source_url=URL, attached=chosen).project_root == "store"
