"""The settings shim in a bundle: what it makes of a project's settings and uploads."""

import json
import textwrap
from pathlib import Path

import pytest

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
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60, reads=[open_folder, built.path], writes=[open_folder])
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
    for name in ("photo.txt", "own.txt", ".hidden"):
        (open_folder / "media" / name).write_text("uploaded")
    (open_folder / "outside.txt").write_text("secret")
    (open_folder / "media" / "link.txt").symlink_to("../outside.txt")
    (open_folder / "media" / "folder").symlink_to("..")
    env = {**verification.placeholder_variables(PLAN), "DZ_MEDIA_ROOT": str(open_folder / "media")}
    (open_folder / "env.json").write_text(json.dumps(env))
    code = """if True:
        from django.test import AsyncClient, Client
        from asgiref.sync import async_to_sync
        paths = ["photo.txt", "own.txt", "gone.txt", "../outside.txt", "%2e%2e/outside.txt", "link.txt", ".hidden"]
        paths += ["folder/outside.txt", "", "/", "/photo.txt"]
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
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60, reads=[open_folder, built.path], writes=[open_folder])
    assert done.ok, done.output
    assert done.output.count(f"{[200, 200, *[404] * 9]} application/json") == 2


CONSOLE = '"console": {"class": "logging.StreamHandler"}'
LOGGINGS = {
    "nothing": "",
    "one logger of its own": f"""LOGGING = {{"version": 1, "handlers": {{{CONSOLE}}}, "loggers": {{"shop": {{"handlers": ["console"]}}}}}}""",
    "the console for all": f"""LOGGING = {{"version": 1, "disable_existing_loggers": False, "handlers": {{{CONSOLE}}}, "root": {{"handlers": ["console"]}}}}""",
    "no propagation": """LOGGING = {"version": 1, "handlers": {"null": {"class": "logging.NullHandler"}},
               "loggers": {"django.request": {"handlers": ["null"], "propagate": False}}}""",
    "a formatter without tracebacks": """LOGGING = {"version": 1, "formatters": {"short": {"()": "site1.logs.Short"}},
               "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short"}}, "root": {"handlers": ["console"]}}""",
    "a handler that is filtered": """LOGGING = {"version": 1, "filters": {"debug": {"()": "django.utils.log.RequireDebugTrue"}},
               "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["debug"]}}, "root": {"handlers": ["console"]}}""",
    "done by the project": """LOGGING_CONFIG = None
import logging.config
logging.config.dictConfig({"version": 1, "root": {"level": "INFO"}})
logging.disable(logging.CRITICAL)""",
}
"""What owners make of LOGGING."""
FAILING = """
from django.http import HttpResponse
from django.urls import path

def view(request):
    raise LookupError("no such price")

async def later(request):
    raise LookupError("no such price")

def without(request):
    return HttpResponse("sorry", status=500)

class Broken:
    def __init__(self, get):
        self.get = get
    def __call__(self, request):
        if request.path == "/middleware/":
            raise LookupError("no such price")
        return self.get(request)
    def process_exception(self, request, exception):
        return HttpResponse("sorry", status=500) if request.path == "/caught/" else None

urlpatterns = [path("view/", view), path("later/", later), path("without/", without), path("caught/", view)]
"""
SHORT = """
import logging
class Short(logging.Formatter):
    def format(self, record):
        return "short: " + record.getMessage()
"""


@pytest.mark.parametrize("kind", LOGGINGS)
def test_an_error_of_the_site_is_in_its_log_once_whatever_logging_says(built, sandbox, open_folder, kind):
    settings = f'MIDDLEWARE.append("site1.urls.Broken")\n{LOGGINGS[kind]}\n'
    make_project(open_folder / "bundle" / "src", **{"site1/urls.py": FAILING, "site1/logs.py": SHORT})
    with (open_folder / "bundle" / "src" / "site1" / "settings.py").open("a") as file:
        file.write(settings)
    verification.write_shim(PLAN, open_folder / "bundle" / "dz")
    (open_folder / "env.json").write_text(json.dumps(verification.placeholder_variables(PLAN)))
    code = """if True:
        import dz_wsgi, dz_request, logging, sys
        for path in ("view", "later", "caught", "middleware", "without"):
            sys.stderr.write("-- %s %s\\n" % (path, dz_request.wsgi(dz_wsgi.application, "/%s/" % path)))
        logging.getLogger("gunicorn.error").error("the web server is heard")
    """
    launcher = open_folder / "bundle" / "dz" / "dz_run.py"
    argv = [built.program, "-I", launcher, open_folder / "env.json", "manage", "shell", "-c", code]
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60, reads=[open_folder, built.path], writes=[open_folder])
    assert done.ok, done.output
    parts = dict(zip(("view", "later", "caught", "middleware", "without"), done.output.split("\n-- "), strict=False))
    for name in ("view", "later", "caught", "middleware"):
        assert parts[name].count("LookupError: no such price") == 1, (name, done.output)
    assert "/without/" in done.output
