"""The settings shim in a bundle: what it makes of a project's settings and uploads."""

import json
import textwrap
from pathlib import Path

from dz.tasklib.verification import verification
from tests.integration.django_projects import PLAN, URLS, make_project


def test_a_bundle_answers_under_the_platforms_settings(build_server, built, check, sandbox, open_folder):
    found = check(make_project(open_folder / "bundle" / "src"))
    verification.write_shim(PLAN, open_folder / "bundle" / "dz", found)
    env = {**verification.placeholder_variables(PLAN), "SECRET_KEY": "given", "DZ_ALLOWED_HOSTS": "site.example.org"}
    (open_folder / "env.json").write_text(json.dumps(env | {"DZ_MEDIA_ROOT": "/srv/media"}))
    code = "from django.test import Client; print(Client().get('/', HTTP_HOST='site.example.org').content.decode())"
    argv = [
        built.program,
        "-I",
        open_folder / "bundle/dz/dz_run.py",
        open_folder / "env.json",
        "manage",
        "shell",
        "-c",
        code,
    ]
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60)
    assert done.ok, done.output
    answer = json.loads(done.output.strip().splitlines()[-1])
    assert answer["debug"] is False
    assert answer["engine"] == "django.db.backends.postgresql"
    assert answer["hosts"][0] == "site.example.org"
    assert answer["secret"] == answer["jwt"] == "given"
    assert answer["root"] == "/srv/media"


def test_uploaded_files_are_served_unless_the_project_answers_itself(build_server, built, check, sandbox, open_folder):
    urls = textwrap.dedent(URLS) + 'urlpatterns.append(path("media/own.txt", home))\n'
    checkout = make_project(open_folder / "bundle" / "src", 'MEDIA_URL = "media/"\n', **{"site1/urls.py": urls})
    verification.write_shim(PLAN, open_folder / "bundle" / "dz", check(checkout))
    (open_folder / "media").mkdir()
    for name in ("photo.txt", "own.txt"):
        (open_folder / "media" / name).write_text("uploaded")
    (open_folder / "outside.txt").write_text("secret")
    env = {**verification.placeholder_variables(PLAN), "DZ_MEDIA_ROOT": str(open_folder / "media")}
    (open_folder / "env.json").write_text(json.dumps(env))
    code = """if True:
        from django.test import AsyncClient, Client
        from asgiref.sync import async_to_sync
        paths = ["photo.txt", "own.txt", "gone.txt", "../outside.txt", "%2e%2e/outside.txt"]
        for get in (Client().get, async_to_sync(AsyncClient().get)):
            answers = [get("/media/" + path) for path in paths]
            print([answer.status_code for answer in answers], answers[1]["Content-Type"])
    """
    argv = [
        built.program,
        "-I",
        open_folder / "bundle/dz/dz_run.py",
        open_folder / "env.json",
        "manage",
        "shell",
        "-c",
        code,
    ]
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60)
    assert done.ok, done.output
    assert done.output.count("[200, 200, 404, 400, 400] application/json") == 2
