"""Ordinary sites: what their owners have on their own machines works on the servers, or they are told what does not."""

import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dz.tasklib.jobs import jobs, log
from tests.flows.conftest import POLLS, Platform
from tests.flows.snapshots import Edit, add, both, put

URLS = """
import logging
import os
from django.conf import settings
from django.contrib import admin
from django.http import HttpResponse, JsonResponse
from django.urls import include, path

def closed(request):
    return HttpResponse("log in first", status=401)

def collected(request):
    named = os.path.join(settings.STATIC_ROOT, "admin", "css", "base.css")
    told = os.path.join(settings.PDF_ASSETS, "admin", "css", "base.css")
    return JsonResponse({"sizes": [os.path.getsize(path) for path in (named, told)]})

def works(request):
    logging.getLogger("shop").warning("asked for")
    with open(settings.BASE_DIR / "logs" / "site.log") as written, open(settings.BASE_DIR / "start.log") as begun:
        return JsonResponse({"written": "asked for" in written.read(), "begun": begun.read().split()[:2]})

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include([path("", closed, name="api-root"), path("polls/<int:poll>/", closed)])),
    path("health/", works),
    path("collected/", collected),
]
"""
DEPLOYED: dict[str, Any] = {}
SETTINGS = """
STATIC_ROOT = BASE_DIR / "staticfiles"
PDF_ASSETS = str(STATIC_ROOT)
(BASE_DIR / "logs").mkdir(exist_ok=True)
with open(BASE_DIR / "start.log", "a") as file:
    file.write("loaded ")
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": ["file"]},
           "handlers": {"file": {"class": "logging.handlers.RotatingFileHandler", "filename": BASE_DIR / "logs" / "site.log"}}}
"""
"""Writes beside the code."""


def deploy(**request: Any) -> dict[str, Any]:
    from dz import wiring  # noqa: PLC0415
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(**request))
    return jobs.newest(wiring.zoomdb(), limit=1)[0].result


def publish(platform: Platform, folder: Path, *edits: Edit) -> str:
    tree = folder / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    both(*edits)(tree)
    return platform.publish("ordinary", tree)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def said(platform: Platform) -> list[str]:
    """What the log of the newest job says besides its steps."""
    job = jobs.newest(platform.zoomdb, limit=1)[0]
    return [line.message for line in log.lines(platform.zoomdb, job.id) if line.type in {"warn", "info"}]


@pytest.fixture
def api(platform: Platform, beating: object, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A site without a front page that writes beside its code, deployed once for the tests of this file."""
    if DEPLOYED:
        return DEPLOYED
    url = publish(
        platform,
        tmp_path_factory.mktemp("api"),
        put("mysite/urls.py", URLS),
        put("start.log", "committed "),
        add("mysite/settings.py", SETTINGS),
    )
    result = deploy(url=url)
    DEPLOYED.update(result, said=said(platform))
    return DEPLOYED


def test_an_api_without_a_front_page_is_live_and_says_what_answers(api: dict[str, Any]) -> None:
    assert get(api["url"])[0] == 404
    statuses = [(one["path"], one["status"]) for one in api["answers"]]
    assert statuses == [("/", 404), ("/health/", 200), ("/admin/", 200), ("/api/", 401)]
    assert "/ answers 404 Not Found, /api/ answers 401 Unauthorized. /health/ and /admin/ answer 200." in api["said"]


def test_a_site_may_write_beside_its_code_and_is_told_that_this_is_not_kept(api: dict[str, Any]) -> None:
    answer = json.loads(get(f"{api['url']}health/")[1])
    assert answer == {"written": True, "begun": ["committed", "loaded"]}
    if os.geteuid() == 0:
        (warning,) = [line for line in api["said"] if "writes below its own folder" in line]
        assert "(logs, start.log)" in warning


def test_the_collected_files_are_where_static_root_says_on_the_appserver_too(api: dict[str, Any]) -> None:
    sizes = json.loads(get(f"{api['url']}collected/")[1])["sizes"]
    assert sizes[0] == sizes[1] > 1000
