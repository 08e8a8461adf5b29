"""`zoombuild.cfg`: strict reading, and writing what is read again."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.errors import InvalidConfig
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.configuration.resolution import resolve
from dz.tasklib.configuration.zoombuild import MAX_BYTES, changed, parse, render
from dz.tasklib.detection import inspect
from tests import PROJECTS

URL = "https://git.example.org/me/my-site.git"
FULL = """[project]
source_code_url = https://git.example.org/me/my-site.git
title = 100% mine
django_version = 5.2
database_type = postgresql-gis
base_python_package = shop
django_settings_module = shop.settings.prod
site_media_map =
    /media/ uploads
    /admin-media/ {SITE_PACKAGES}/django/contrib/admin/media
additional_python_path_dirs =
    apps
requirements_files =
    requirements/base.txt
    requirements/prod.txt
extra_requirements =
    gunicorn>=22
project_root = src
python_version = >=3.11
package_manager = pip
wsgi = shop.wsgi:application
use_asgi = no
instances = 3
processes = 4
hooks =
    migrate
    loaddata start.json
health_path = /health/
collectstatic = off
preload = no
required_environment =
    API_KEY
environment =
    NODE_ENV=production
"""


def test_every_key_is_read_and_typed() -> None:
    values = parse(FULL).values
    assert values["title"] == "100% mine"
    assert values["site_media_map"] == (
        ("/media/", "uploads"),
        ("/admin-media/", "{SITE_PACKAGES}/django/contrib/admin/media"),
    )
    assert values["requirements_files"] == ("requirements/base.txt", "requirements/prod.txt")
    assert (values["instances"], values["use_asgi"], values["collectstatic"], values["preload"]) == (
        3,
        False,
        False,
        False,
    )
    assert values["environment"] == (("NODE_ENV", "production"),)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[project]\ntitel = x\n", "line 2, key titel: this key is unknown; did you mean title?"),
        ("[project]\n\nproject_root = ../..\n", "line 3, key project_root: '../..' is not a relative path"),
        ("[project]\nproject_root = /etc\n", "line 2, key project_root"),
        ("[project]\ntitle = a\ntitle = b\n", "line 3"),
        ("[project]\ntitle = a\n  b\n", "line 2, key title: one line of text is expected"),
        ("title = a\n", "line 1"),
        ("[other]\n", "line 1: section [other] is unknown"),
        ("", "the section [project] is missing"),
        ("[project]\nsite_media_map = /m/ ../x\n", "key site_media_map"),
        ("[project]\nsite_media_map = /m/ {HOME}/x\n", "only {SITE_PACKAGES} and {SRC_PACKAGES}"),
        ("[project]\ninstances = many\n", "key instances: 'many' is not a number from 1 to 100"),
        ("[project]\nuse_asgi = perhaps\n", "neither true nor false"),
        ("[project]\ndatabase_type = mysql\n", "key database_type"),
        ("[project]\nenvironment = LD_PRELOAD=x\n", "key environment"),
        ("[project]\nextra_requirements = --index-url=http://x\n", "is not a requirement"),
        ("[project]\nhooks = migrate; rm\n", "key hooks"),
        ("[project]\ntitle = a\x00\n", "line 2: the control character"),
        (b"[project]\ntitle = \xff\n", "line 2: the file is not UTF-8"),
        ("x" * (MAX_BYTES + 1), "65536 are allowed"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(text: str | bytes, where: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse(text, "cfg/zoombuild.cfg")
    assert caught.value.found.startswith("cfg/zoombuild.cfg, line ")
    assert where in caught.value.found


def test_a_plan_survives_json_and_its_own_configuration() -> None:
    plan = resolve(inspect(PROJECTS / "poetry_lock"), source_url=URL, attached=parse(FULL))
    assert Plan.from_json(plan.to_json()) == plan
    again = resolve(inspect(PROJECTS / "not_django"), source_url=URL, attached=parse(render(plan)))
    forgotten = {"warnings": (), "python_version_basis": "", "asgi": None, "platform_variables": ()}
    assert replace(again, **forgotten) == replace(plan, **forgotten)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        parse(text)
        parse(f"[project]\ntitle = {text}")
    except InvalidConfig:
        pass


def test_a_key_is_set_in_a_configuration_or_in_a_new_one() -> None:
    assert parse(changed(None, copy_data="yes")).values == {"copy_data": True}
    text = changed("[project]\ntitle = 100 % fine\ncopy_data = no\n", copy_data="yes")
    assert parse(text).values == {"title": "100 % fine", "copy_data": True}
