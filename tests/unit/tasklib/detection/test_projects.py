"""The tiny repositories of tests/projects, one for each shape: each is read right, by its expected.json or by the table here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dz.cli.inspect import inspect_command
from dz.tasklib.detection import Variable, inspect
from tests.unit.tasklib.detection.projects import PROJECTS

CASES = sorted(path.parent.name for path in PROJECTS.glob("*/expected.json"))


def spelled(variable: Variable) -> str:
    return f"{variable.supply}:{variable.fills}" if variable.fills else variable.supply


def read(case: str, expected: dict[str, Any]) -> dict[str, Any]:
    found = inspect(PROJECTS / case)
    values = json.loads(json.dumps(found.to_json(), default=str))
    values["env_required"] = sorted(values["env_required"])
    values["risks"] = [risk.kind for risk in found.risks]
    wanted = expected.get("environment", {})
    values["environment"] = {one.name: spelled(one) for one in found.environment if one.name in wanted}
    return {field: values[field] for field in expected}


@pytest.mark.parametrize("case", CASES)
def test_a_repository_of_this_shape_is_read_as_it_says(case: str) -> None:
    expected = json.loads((PROJECTS / case / "expected.json").read_text())
    assert read(case, expected) == expected


@pytest.mark.parametrize("case", CASES)
def test_every_guess_says_where_it_was_read(case: str) -> None:
    for guess in inspect(PROJECTS / case).guesses:
        path, _, line = guess.basis.rpartition(":")
        assert line.isdigit(), guess
        assert path == "GeoDjango" or (PROJECTS / case / path).is_file(), guess


EXPECTED = {
    "sqlite_single": {
        "project_root": ".",
        "settings_module": "mysite.settings",
        "wsgi": "mysite.wsgi:application",
        "asgi": "mysite.asgi:application",
        "asgi_needed": False,
        "dependency_files": ("requirements.txt",),
        "package_manager": "pip",
        "django_version": "~=5.2",
        "database": "sqlite",
        "env_required": (),
    },
    "asgi_only": {
        "settings_module": "chat.settings",
        "wsgi": None,
        "asgi": "chat.asgi:application",
        "asgi_needed": True,
        "django_version": ">=5.1,<5.3",
    },
    "uv_pyproject": {
        "settings_module": "config.settings",
        "dependency_files": ("pyproject.toml", "uv.lock"),
        "package_manager": "uv",
        "python_version": ">=3.11",
        "python_version_basis": "requires-python",
        "database": "any",
        "env_required": ("SECRET_KEY",),
        "env_needed": ("ALLOWED_HOSTS", "DATABASE_URL", "DEBUG"),
        "static_root": "staticfiles",
    },
    "poetry_lock": {
        "settings_module": "shop.settings.prod",
        "package_manager": "poetry",
        "dependency_files": ("pyproject.toml", "poetry.lock"),
        "django_version": "^5.1",
        "database": "postgres",
        "env_required": ("SHOP_DB_NAME", "SHOP_SECRET_KEY"),
        "env_needed": ("SHOP_DB_HOST", "SHOP_HOSTS"),
    },
    "not_django": {"is_django": False, "procfile": True, "settings_module": None},
    "frontend_apart": {
        "project_root": "backend",
        "dependency_files": ("backend/config/requirements/base.txt",),
        "package_manager": "pip",
        "django_version": "==5.1.2",
        "needs_node_build": False,
    },
    "frontend_served": {"needs_node_build": True},
    "python2_implicit": {
        "settings_module": "shop.settings",
        "database": "any",
        "legacy_python2": True,
        "legacy_django1": True,
    },
    "pydantic_settings": {
        "settings_module": "shop.settings",
        "database": "postgres",
        "env_required": ("DB_NAME", "SHOP_SECRET_KEY"),
        "env_needed": ("DB_HOST", "DEBUG"),
    },
    "configuration_classes": {
        "settings_module": "config",
        "wsgi": "site1.wsgi:application",
        "database": "any",
        "env_required": ("DJANGO_MAP_KEY", "DJANGO_SECRET_KEY"),
        "env_needed": ("DATABASE_URL", "DJANGO_DEBUG", "MAIL_HOST"),
        "gis": True,
        "legacy_django1": True,
    },
    "split_by_environment": {
        "settings_module": "site1.settings",
        "dependency_files": ("packages.txt",),
        "package_manager": "pip",
        "database": "postgres",
        "env_required": ("SITE_DATABASE",),
        "env_needed": ("DJANGO_ENV",),
    },
    "wsgi_in_manage": {"settings_module": "site1.settings", "wsgi": "manage:wsgi_application"},
    "two_candidates": {"ambiguous": True, "is_django": True},
}


@pytest.mark.parametrize("case", sorted(EXPECTED))
def test_a_repository_of_this_shape_is_read_right(case: str) -> None:
    found = inspect(PROJECTS / case)
    assert {field: getattr(found, field) for field in EXPECTED[case]} == EXPECTED[case]
    assert found.ambiguous == (case == "two_candidates")


def test_rejected_candidates_are_kept_with_their_basis() -> None:
    guesses = [g for g in inspect(PROJECTS / "poetry_lock").guesses if g.field == "settings_module"]
    assert [guess.is_primary for guess in guesses] == [True, *[False] * (len(guesses) - 1)]
    assert "shop.settings.dev" in [guess.value for guess in guesses]
    assert all(guess.basis.rpartition(":")[2].isdigit() for guess in guesses)


def test_both_projects_are_among_the_guesses_when_it_is_ambiguous() -> None:
    guesses = inspect(PROJECTS / "two_candidates").guesses
    assert {g.value for g in guesses if g.field == "project_root"} == {"blog", "store"}
    assert {g.value for g in guesses if g.field == "settings_module"} >= {"blogsite.settings", "storesite.settings"}


def test_the_command_prints_nothing_that_steers_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(PROJECTS / "sqlite_single", tmp_path, dirs_exist_ok=True)
    with (tmp_path / "mysite" / "settings.py").open("a") as settings:
        settings.write("STATIC_ROOT = '\\x1b[2J\\ud800files'\n")
    assert inspect_command(tmp_path, as_json=False) == 0
    shown = capsys.readouterr().out
    assert "[2Jfiles" in shown
    assert "\x1b" not in shown


def test_the_command_prints_one_json_object_without_prefect_or_sqlalchemy() -> None:
    script = (
        "import sys; from pathlib import Path; from dz.cli.inspect import inspect_command;"
        "inspect_command(Path(sys.argv[1]), True);"
        "sys.exit(any(name in sys.modules for name in ('prefect', 'sqlalchemy')))"
    )
    command = [sys.executable, "-c", script, str(PROJECTS / "sqlite_single")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECTS.parents[1])
    assert json.loads(done.stdout)["settings_module"] == "mysite.settings"
