"""How a plan follows from detection, from each configuration and from the form: who wins."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dz.errors import AmbiguousProject, NotDjango
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.configuration.resolution import of_checkout, resolve
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
    assert plan.required_variables == ("SECRET_KEY",)
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


def test_the_form_wins_over_the_configuration_that_came_with_the_job() -> None:
    root = PROJECTS / "sqlite_single"
    attached = "[project]\ntitle = attached\nprocesses = 3\n"
    plan = of_checkout(inspect(root), root, source_url=URL, attached=attached, stored=None, form={"processes": 5})
    assert (plan.title, plan.processes) == ("attached", 5)


def test_another_settings_module_brings_the_variables_that_it_reads(tmp_path: Path) -> None:
    shutil.copytree(PROJECTS / "needs_variables", tmp_path, dirs_exist_ok=True)
    (tmp_path / "site1" / "other.py").write_text("import os\nSECRET_KEY = os.environ['APP_KEY']\nX = os.environ['X']\n")

    def plan(module: str, **more: str) -> Plan:
        form = {"django_settings_module": module, **more}
        return of_checkout(inspect(tmp_path), tmp_path, source_url=URL, attached=None, stored=None, form=form)

    assert plan("site1.settings").required_variables == ("PAGE_LENGTH", "PAYMENT_TOKEN")
    other = plan("site1.other")
    assert (other.required_variables, other.base_python_package) == (("APP_KEY", "X"), "site1")
    assert ("APP_KEY", "secret_key") in other.platform_variables


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("requirements_files = other.txt", "package_manager", "pip"),
        ("package_manager = pip", "dependency_files", ("pyproject.toml",)),
        ("django_settings_module = shop.settings", "base_python_package", "shop"),
        ("python_version = 3.12", "python_version_basis", "requires-python"),
        ("asgi = config.asgi:application", "use_asgi", False),
    ],
)
def test_what_follows_from_an_answer_follows_it(text: str, field: str, value: object) -> None:
    plan = resolve(inspect(PROJECTS / "uv_pyproject"), source_url=URL, attached=parse(f"[project]\n{text}\n"))
    assert getattr(plan, field) == value


def test_what_the_owner_wrote_about_the_web_process_counts_where_no_configuration_says_more() -> None:
    wrote = (("threads", "8", "Procfile:1"), ("timeout", "300", "Procfile:1"), ("processes", "900", "Procfile:1"))
    found = replace(inspect(PROJECTS / "uv_pyproject"), web=wrote, asgi=None)
    plan = resolve(found, source_url=URL, attached=parse("[project]\ntimeout = 90\n"))
    assert (plan.threads, plan.timeout, plan.processes) == (8, 90, 2)
    assert "Procfile:1: processes is not taken over: '900' is not a number from 1 to 64." in plan.warnings
    assert plan.web_process == "2 processes, 8 threads (gthread), time limit 90 s, bodies up to 100 MB"


def test_a_project_with_only_an_asgi_entry_is_served_by_it() -> None:
    found = replace(inspect(PROJECTS / "uv_pyproject"), wsgi=None)
    asgi = parse("[project]\nasgi = config.asgi:application\n")
    assert resolve(found, source_url=URL, attached=asgi).use_asgi


@pytest.mark.parametrize(
    ("url", "title"),
    [("https://x.org/my_shop.v2.git/", "My shop v2"), ("https://x.org/---", "Site"), ("https://x.org/Blog", "Blog")],
)
def test_a_site_without_a_title_is_called_like_its_repository(url: str, title: str) -> None:
    assert resolve(inspect(PROJECTS / "sqlite_single"), source_url=url).title == title
