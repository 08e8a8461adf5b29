"""Ordinary sites: what their owners have on their own machines works on the servers, or they are told what does not."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import uv

from dz.errors import DataNotCopied
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


def publish(platform: Platform, folder: Path, *edits: Edit, name: str = "ordinary") -> str:
    tree = folder / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    both(*edits)(tree)
    return platform.publish(name, tree)


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


ROWS = """
import datetime
from django.contrib.auth.models import Group, Permission, User
from polls.models import Choice, Question
Question.objects.all().delete()
old = Question.objects.create(pk=41, text="How was the old site?")
Question.objects.filter(pk=41).update(published=datetime.datetime(2019, 5, 4, 12, 30, tzinfo=datetime.timezone.utc))
Choice.objects.bulk_create([Choice(question=old, text="Fine %d" % n, votes=n) for n in range(1200)])
editors = Group.objects.create(name="editors")
editors.permissions.add(Permission.objects.get(codename="change_question"))
User.objects.create_superuser("ann", password="a long password").groups.add(editors)
from papers.models import Paper
for name in ("papers/one.txt", "papers/lost.txt", "../manage.py"):
    Paper.objects.create(file=name)
"""
PAPERS = both(
    put("papers/__init__.py", ""),
    put(
        "papers/models.py",
        "from django.db import models\nclass Paper(models.Model):\n    file = models.FileField(upload_to='papers')\n",
    ),
    put("papers/migrations/__init__.py", ""),
    put(
        "papers/migrations/0001_initial.py",
        "from django.db import migrations, models\n"
        "class Migration(migrations.Migration):\n"
        "    initial = True\n"
        "    operations = [migrations.CreateModel('Paper', [\n"
        "        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),\n"
        "        ('file', models.FileField(upload_to='papers'))])]\n",
    ),
    put("media/papers/one.txt", "committed"),
    put("media/papers/other.txt", "of no row"),
    add(
        "mysite/settings.py", "\nINSTALLED_APPS += ['papers']\nMEDIA_URL = 'media/'\nMEDIA_ROOT = BASE_DIR / 'media'\n"
    ),
)
"""An app with uploads, which were committed."""


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A SQLite database as its owner has committed it, and the same before the newest migration of a package."""
    folder = tmp_path_factory.mktemp("database")
    tree, env = folder / "tree", {**os.environ, "UV_SYSTEM_CERTS": "1"}
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    PAPERS(tree)
    program = uv.find_uv_bin()
    subprocess.run([program, "venv", "-q", folder / "venv"], env=env, check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [program, "pip", "install", "-q", "-p", python, "-r", tree / "requirements.txt"], env=env, check=True
    )
    for words in (["migrate"], ["shell", "-c", ROWS]):
        subprocess.run([python, "manage.py", *words], cwd=tree, check=True, capture_output=True)
    made = (tree / "db.sqlite3").read_bytes()
    back = [python, "manage.py", "migrate", "auth", "0011"]
    subprocess.run(back, cwd=tree, check=True, capture_output=True)
    return made, (tree / "db.sqlite3").read_bytes()


@pytest.fixture(scope="module")
def database(databases: tuple[bytes, bytes]) -> bytes:
    """A SQLite database as its owner has committed it."""
    return databases[0]


def commit(data: bytes) -> Edit:
    def edit(tree: Path) -> None:
        (tree / "db.sqlite3").write_bytes(data)
        (tree / ".gitignore").write_text("__pycache__/\n")

    return edit


@pytest.fixture
def api(
    platform: Platform, beating: object, database: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A site without a front page that writes beside its code, deployed once for the tests of this file."""
    if DEPLOYED:
        return DEPLOYED
    url = publish(
        platform,
        tmp_path_factory.mktemp("api"),
        put("mysite/urls.py", URLS),
        put("start.log", "committed "),
        add("mysite/settings.py", SETTINGS),
        commit(database),
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


def test_the_rows_of_a_committed_database_are_offered_and_not_copied_without_a_yes(api: dict[str, Any]) -> None:
    (offer,) = [line for line in api["said"] if line.startswith("db.sqlite3 holds ")]
    assert "polls_choice 1200" in offer
    assert "`dz deploy --with-data`" in offer
    assert "copied" not in api


def rows(platform: Platform, name: str, statement: str) -> list[Any]:
    """What the site's own database answers."""
    from dz.tasklib import databases  # noqa: PLC0415

    known = databases.credentials(platform.zoomdb, platform.project_id(name))
    with (
        contextlib.closing(
            psycopg2.connect(
                host=known.host, port=known.port, dbname=known.name, user=known.user, password=known.password
            )
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return cursor.fetchall()


CONFIG = "[project]\ncopy_data = yes\n"


def test_rows_that_postgresql_refuses_are_named_and_none_is_copied(
    platform: Platform, database: bytes, tmp_path: Path
) -> None:
    broken = sqlite3.connect(":memory:")
    broken.deserialize(database)
    broken.execute("update polls_choice set text = printf('%.*c', 500, 'x') where id = 7")
    broken.commit()
    too_long = bytes(broken.serialize())
    url = publish(platform, tmp_path, commit(too_long), name="withdata")
    with pytest.raises(DataNotCopied, match=r"(?s)polls_choice: value too long.*tables, and none of these rows"):
        deploy(url=url, config=CONFIG)
    assert rows(platform, "withdata", "select count(*) from polls_choice where text = 'Fine 3'") == [(0,)]


def test_a_launch_that_asks_nothing_takes_the_rows_along(platform: Platform, database: bytes, tmp_path: Path) -> None:
    from flows.launch import launch  # noqa: PLC0415
    from tasks.parameters import LaunchRequest  # noqa: PLC0415

    launch(LaunchRequest(url=publish(platform, tmp_path, commit(database), name="yesdata"), straight_on=True))
    done = jobs.newest(platform.zoomdb, project="yesdata", limit=2)[-1]
    assert done.result["copied"]["polls_choice"] == 1200
    assert rows(platform, "yesdata", "select username, is_superuser from auth_user") == [("ann", True)]


def test_on_a_yes_the_rows_are_copied_once_as_they_are_from_a_file_that_lacks_a_migration(
    platform: Platform, databases: tuple[bytes, bytes], tmp_path: Path
) -> None:
    result = deploy(url=publish(platform, tmp_path, PAPERS, commit(databases[1]), name="withdata"), config=CONFIG)
    assert result["copied"]["polls_choice"] == 1200
    assert (result["copied"]["polls_question"], result["copied"]["auth_user"]) == (1, 1)
    assert any("rows of db.sqlite3 were copied and counted: polls_choice 1200" in line for line in said(platform))
    assert any("files that they name are uploads of the site now: 1." in line for line in said(platform))
    assert "How was the old site?" in get(result["url"])[1]
    seen = [get(result["url"] + f"media/{name}") for name in ("papers/one.txt", "papers/other.txt", "papers/lost.txt")]
    assert (seen[0], [status for status, _ in seen[1:]]) == ((200, "committed"), [404, 404])
    old = "select id, to_char(published at time zone 'utc', 'YYYY-MM-DD HH24:MI') from polls_question"
    assert rows(platform, "withdata", old) == [(41, "2019-05-04 12:30")]
    assert rows(platform, "withdata", "select nextval(pg_get_serial_sequence('polls_question', 'id'))") == [(42,)]
    allowed = (
        "select c.model, p.codename from auth_user_groups u join auth_group_permissions g using (group_id) "
        "join auth_permission p on p.id = g.permission_id join django_content_type c on c.id = p.content_type_id"
    )
    assert rows(platform, "withdata", allowed) == [("question", "change_question")]

    assert any(line.startswith("1 account with superuser rights came with the rows") for line in said(platform))

    again = deploy(project="withdata", rebuild=True)
    assert "copied" not in again
    assert not any("db.sqlite3" in line for line in said(platform))
