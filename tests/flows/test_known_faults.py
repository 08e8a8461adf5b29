"""What is known to be broken is said before anybody sees it, and what need not be broken is not."""

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dz import wiring
from dz.tasklib import projects
from dz.tasklib.jobs import jobs, log
from dz.tasklib.variables import stored
from tests.flows.conftest import POLLS, Platform
from tests.flows.snapshots import add, put

MODELS = """from django.db import models


class Note(models.Model):
    text = models.TextField()
"""
FORMS = """from django import forms

from polls.models import Question


class Chooser(forms.Form):
    question = forms.ChoiceField(choices=[(one.pk, one.text) for one in Question.objects.all()])
"""
VIEWS = """
import notes.forms
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.utils.translation import gettext


def admins(request):
    return HttpResponse(gettext("Administrators") + ": " + " ".join(get_user_model().objects.filter(is_superuser=True).values_list("username", flat=True)))
"""
GERMAN = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8"

msgid "Administrators"
msgstr "Verwalter"
"""


def deploy(**request: Any) -> dict[str, Any]:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(**request))
    return jobs.newest(wiring.zoomdb(), limit=1)[0].result


def warnings() -> str:
    zoomdb = wiring.zoomdb()
    return "\n".join(log.warnings(log.lines(zoomdb, jobs.newest(zoomdb, limit=1)[0].id)))


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A site with faults that its owner should hear of, and with a query while its modules are imported."""
    tree = tmp_path / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    files = {"__init__.py": "", "models.py": MODELS, "forms.py": FORMS, "views.py": VIEWS}
    for name, text in files.items():
        put(f"notes/{name}", text)(tree)
    put(".gitignore", "*.mo\n/notes/migrations/\n")(tree)
    put("locale/de/LC_MESSAGES/django.po", GERMAN)(tree)
    put("notes/templates/notes/base.html", "{% load static %}\n{% static 'notes/built.css' %}\n")(tree)
    settings = (
        "INSTALLED_APPS += ['notes']\nLANGUAGE_CODE = 'de'\nUSE_I18N = True\nLOCALE_PATHS = [BASE_DIR / 'locale']\n"
    )
    add("mysite/settings.py", settings)(tree)
    add("mysite/urls.py", "\nfrom notes.views import admins\nurlpatterns += [path('admins/', admins)]\n")(tree)
    put("zoombuild.cfg", "[project]\nhooks =\n    migrate\n    createsuperuser\n")(tree)
    return tree


def test_faults_that_are_known_are_said_and_those_that_need_not_be_are_none(platform: Platform, tree: Path) -> None:
    url = platform.publish("faults", tree)
    project = projects.ensure(platform.zoomdb, name="faults", url=url, ref=None).id
    for name, value in (("USERNAME", "ann"), ("EMAIL", "ann@example.org"), ("PASSWORD", "not-so-secret")):
        stored.put(platform.zoomdb, project, {f"DJANGO_SUPERUSER_{name}": value})
    site = deploy(project="faults")["url"]
    found = warnings()
    assert "notes has models (Note) but no migrations, so its tables will not exist" in found
    assert ".gitignore:2 has git ignore them: /notes/migrations/" in found
    assert "notes/forms.py:7 asks the database for something while modules are imported" in found
    assert "404 for them: notes/built.css (notes/templates/notes/base.html:2)" in found
    assert get(f"{site}admins/") == (200, "Verwalter: ann"), "translations are compiled, and there is an admin"

    put("README", "A second version.\n")(tree)
    platform.publish("faults", tree)
    assert deploy(project="faults")["version"] == 2, "the admin is there already"
    assert get(f"{site}admins/") == (200, "Verwalter: ann")
