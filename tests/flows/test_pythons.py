"""Sites on Pythons that the server does not have by itself, fetched with the real uv from archives packed here."""

import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dz.adapters.python_downloads import place_of
from dz.errors import PythonMissing
from dz.settings import settings
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.zoomdb.models import Bundle, Deployment, Release
from tests.flows.conftest import Platform
from tests.pythons import Packed, any_one, others, pack

pytestmark = pytest.mark.timeout(900)
"""Two Pythons are packed, fetched and compiled here, and neither is in any cache."""

_SETTINGS = """
import os
SECRET_KEY = os.environ["SECRET_KEY"]
ROOT_URLCONF = "shop.urls"
{application}
INSTALLED_APPS = []
MIDDLEWARE = []
"""
_URLS = """
import asyncio, sys
from django.http import HttpResponse
from django.urls import path
def page(request):
    return HttpResponse(f"{sys.version.split()[0]} {sys.base_prefix} {request.META.get('SERVER_PROTOCOL', 'asgi')}")
urlpatterns = [path("", page)]
"""
_MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def _site(folder: Path, files: dict[str, str], *, kind: str = "wsgi") -> Path:
    entry = f"from django.core.{kind} import get_{kind}_application\napplication = get_{kind}_application()\n"
    whole = {
        "manage.py": _MANAGE,
        "shop/__init__.py": "",
        "shop/settings.py": _SETTINGS.format(application=f'{kind.upper()}_APPLICATION = "shop.{kind}.application"'),
        "shop/urls.py": _URLS,
        f"shop/{kind}.py": f'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n{entry}',
        "requirements.txt": "Django==4.2.16\n",
        **files,
    }
    for name, text in whole.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Two Pythons that the server itself does not have; on a machine with a single one, that one twice."""
    found = others()
    chosen = [found[0], found[-1]] if len(found) > 1 else [any_one()]
    return replace(pack(tmp_path_factory.mktemp("archives"), chosen), pythons=(chosen[0], chosen[-1]))


@pytest.fixture(autouse=True)
def settings_of_pythons(platform: Platform, packed: Packed, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read the settings anew; where there is a single Python, do not let the server have it by itself."""
    if packed.pythons[0] == packed.pythons[1]:
        monkeypatch.setenv("DZ_INTERPRETERS", '["/no/such/python"]')
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def fetching(settings_of_pythons: None, packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the platform fetch Pythons, from the archives alone."""
    monkeypatch.setenv("DZ_PYTHON_DOWNLOADS", "automatic")
    monkeypatch.setenv("DZ_PYTHON_DOWNLOADS_JSON", str(packed.listing))
    settings.cache_clear()


def _deploy(**request: Any) -> JobView:
    from dz import wiring  # noqa: PLC0415
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(**request))
    return jobs.newest(wiring.zoomdb(), limit=1)[0]


def _page(job: JobView) -> list[str]:
    with urllib.request.urlopen(job.result["url"], timeout=20) as answer:  # noqa: S310
        return str(answer.read().decode()).split()


def _said(platform: Platform, job: JobView) -> str:
    return "\n".join(line.message for line in log.lines(platform.zoomdb, job.id))


def test_sites_on_different_pythons_run_at_the_same_time_each_on_the_build_that_it_was_made_with(
    platform: Platform, packed: Packed, fetching: None, tmp_path: Path
) -> None:
    newer, older = packed.pythons
    strict = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = "=={newer.minor}.*"\n'
    first = _site(tmp_path / "newer", {"pyproject.toml": strict, "requirements.txt": "Django>=4.2,<6\n"}, kind="asgi")
    second = _site(tmp_path / "older", {"runtime.txt": f"python-{older.full}\n"})

    one = _deploy(url=platform.publish("newer", first))
    two = _deploy(url=platform.publish("older", second))
    assert _page(one)[0] == newer.full
    assert _page(two)[0] == older.full
    for job in (one, two):
        assert Path(_page(job)[1]).is_relative_to(settings().pythons_folder.resolve())
    assert f"Python {newer.full}: requires =={newer.minor}.* (pyproject.toml:4)" in _said(platform, one)
    assert f"Python {older.full}: prefers {older.full} (runtime.txt:1)" in _said(platform, two)

    with platform.zoomdb.session() as session:
        query = select(Bundle.manifest).where(Bundle.project_id == platform.project_id("older"))
        manifest = Manifest.from_json(session.scalars(query).one())
        placed = select(Deployment.id).join(Release, Deployment.release_id == Release.id)
        deployment = session.scalars(placed.where(Release.project_id == platform.project_id("older"))).one()
    assert manifest.python_source
    assert manifest.python_source.sha256 == packed.entry(older.full)["sha256"]

    # An appserver that has lost it brings it back before the site boots again.
    from dz import wiring  # noqa: PLC0415
    from dz.worker import upkeep  # noqa: PLC0415

    [made] = [python for python in wiring.pythons().fetched() if python.minor == older.minor]
    shutil.rmtree(place_of(made))
    upkeep._restart("appserver-1", deployment)
    assert made in wiring.pythons().fetched()
    assert _page(two)[0] == older.full


def test_a_python_that_cannot_be_had_is_said_to_the_operator_before_anything_is_asked_or_installed(
    platform: Platform, packed: Packed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dz import wiring  # noqa: PLC0415

    monkeypatch.setenv("DZ_PYTHON_DIR", str(platform.state / "no-pythons"))
    settings.cache_clear()
    minor = packed.pythons[0].minor
    strict = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = "=={minor}.*"\n'
    asks = _SETTINGS.format(application="") + 'TOKEN = os.environ["PAYMENT_TOKEN"]\n'
    tree = _site(tmp_path, {"pyproject.toml": strict, "shop/settings.py": asks})
    with pytest.raises(PythonMissing) as raised:
        _deploy(url=platform.publish("wants", tree))
    there = ", ".join(python.full for python in wiring.pythons().there()) or "no Python that every user can execute"
    assert raised.value.found == (
        f"The project requires Python =={minor}.* (pyproject.toml:4); this server has {there}. "
        "No other is fetched here: DZ_PYTHON_DOWNLOADS is never."
    )
    assert raised.value.actor == "operator"
    job = jobs.newest(platform.zoomdb, limit=1)[0]
    assert "create virtualenv" not in log.step_seconds(log.lines(platform.zoomdb, job.id))
