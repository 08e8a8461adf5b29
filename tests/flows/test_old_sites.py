"""Projects of earlier years whose lists name no versions: the newest ones break them, those of their time do not."""

import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dz import wiring
from dz.errors import VerificationFailed
from dz.tasklib.jobs import jobs, log
from tests.flows.conftest import Platform

PROJECTS = Path(__file__).parents[1] / "projects"
URLS = """
from django.http import HttpResponse
from django.urls import path
from django.utils.translation import ugettext_lazy as _

urlpatterns = [path("", lambda request: HttpResponse(_("An old site")))]
"""


def old_site(folder: Path, requirements: str | None) -> Path:
    tree = folder / "tree"
    shutil.copytree(PROJECTS / "sqlite_single", tree, ignore=shutil.ignore_patterns("__pycache__", "expected.json"))
    (tree / "mysite" / "urls.py").write_text(URLS)
    listed = tree / "requirements.txt"
    listed.write_text(requirements) if requirements else listed.unlink()
    return tree


def deploy(**request: Any) -> jobs.JobView:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(**request))
    return jobs.newest(wiring.zoomdb(), limit=1)[0]


def test_an_old_site_without_pins_runs_on_what_was_newest_when_it_was_committed(
    platform: Platform, tmp_path: Path
) -> None:
    from flows.check_repo import check_repo  # noqa: PLC0415
    from tasks.parameters import Source  # noqa: PLC0415

    url = platform.publish("oldsite", old_site(tmp_path, "Django>=2.2\n"), date="2021-05-03T12:00:00+02:00")
    check_repo(Source(url=url))
    proof = jobs.newest(wiring.zoomdb(), limit=1)[0].result["proof"]
    assert (proof["outcome"], proof["django_version"]) == ("proved", "3.2")
    [in_form] = [line for line in proof["warnings"] if "its commit's date, 2021-05-03" in line]
    assert "Older: asgiref 3.3.4 (not " in in_form

    job = deploy(url=url)
    with urllib.request.urlopen(job.result["url"], timeout=20) as answer:  # noqa: S310
        assert answer.read() == b"An old site"
    said = log.warnings(log.lines(platform.zoomdb, job.id))
    [told] = [line for line in said if "its commit's date, 2021-05-03" in line]
    assert told.startswith(
        "With the newest versions of its dependencies the project does not load (ImportError at mysite/urls.py:4"
    )
    assert "django 3.2 (not " in told

    lines = log.lines(platform.zoomdb, deploy(url=url).id)
    assert told in log.warnings(lines)  # the same commit, the same set
    assert any(line.message.endswith("requirements reused") for line in lines)


def test_an_old_django_that_no_list_names_is_the_cause_of_a_project_that_does_not_load(
    platform: Platform, tmp_path: Path
) -> None:
    url = platform.publish("unlisted", old_site(tmp_path, None))
    with pytest.raises(VerificationFailed) as caught:
        deploy(url=url)
    assert "ImportError at mysite/urls.py:4: cannot import name 'ugettext_lazy'" in caught.value.found
    assert "The repository has no list of dependencies, so nothing says which version of django" in caught.value.found
    assert caught.value.remedy == (
        "List django in its requirements with the version that it was written for, or change what uses it."
    )
