"""Background work of a project."""

from pathlib import Path

import pytest

from dz.tasklib.detection import processes
from dz.tasklib.detection.roots import Root
from tests.unit.tasklib.detection.projects import SETTINGS, modules, project

ROOT = Root("", "manage.py", "manage.py:1", aside=False)
APP = "from celery import Celery\napp = Celery('shop')\n"


def test_the_celery_application_is_that_of_the_package_or_of_the_module(tmp_path: Path) -> None:
    found = modules(tmp_path, {"shop/celery.py": APP, "shop/queue.py": APP, "tests/celery.py": APP})
    assert processes.celery(found.tree, ROOT, found) == [
        ("shop", "shop/celery.py:2"),
        ("shop.queue", "shop/queue.py:2"),
    ]


def test_a_start_command_names_the_application_if_it_is_the_projects_own(tmp_path: Path) -> None:
    found = modules(tmp_path, {"Procfile": "worker: celery -A shop.celery:app worker\n"})
    assert processes.named_by_commands(found.tree, [("shop", "shop/celery.py:2")]) == "shop.celery:app"
    assert processes.named_by_commands(found.tree, [("other", "other/celery.py:2")]) is None


def test_the_workers_of_start_commands_are_named_once(tmp_path: Path) -> None:
    files = {
        "Procfile": "worker: celery -A shop worker\nbeat: celery -A shop beat\n",
        "docker-compose.yml": "services:\n  a:\n    command: celery -A shop worker\n  b:\n    command: python manage.py rqworker\n",
    }
    found = modules(tmp_path, files)
    assert processes.workers(found.tree) == [
        ("celery worker", "Procfile:1"),
        ("celery beat", "Procfile:2"),
        ("rqworker", "docker-compose.yml:5"),
    ]
    assert processes.procfile(found.tree, ROOT)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"site1/celery.py": APP}, ("celery worker",)),
        ({"site1/celery.py": f"{APP}app.conf.beat_schedule = {{'a': 1}}\n"}, ("celery worker", "celery beat")),
        ({"site1/celery.py": APP, "shop/tasks.py": "@app.on_after_configure.connect\ndef f(sender):\n    sender.add_periodic_task(9, g)\n"}, ("celery worker", "celery beat")),
        ({"site1/celery.py": APP, "site1/settings.py": f"{SETTINGS}CELERY_BEAT_SCHEDULE = {{}}\n"}, ("celery worker", "celery beat")),
        ({"site1/celery.py": APP, "site1/settings.py": SETTINGS.replace("[]", "['django_celery_beat']")}, ("celery worker", "celery beat")),
        ({"site1/settings.py": SETTINGS.replace("[]", "['django_celery_beat']")}, ()),
        ({"site1/settings.py": f"{SETTINGS}CRONJOBS = [('* * * * *', 'a.b')]\n"}, ("cron",)),
        ({"site1/settings.py": f"{SETTINGS}Q_CLUSTER = {{}}\n"}, ("qcluster",)),
        ({"site1/settings.py": SETTINGS.replace("[]", "['huey.contrib.djhuey', 'django_rq']")}, ("run_huey", "rqworker")),
        ({"deploy/crontab": "5 4 * * * root true\n"}, ("cron",)),
        ({"render.yaml": "services:\n- type: cron\n  schedule: '* * * * *'\n"}, ("cron",)),
        ({"Procfile": "worker: celery -A site1 worker\n", "site1/celery.py": APP}, ("celery worker",)),
        ({}, ()),
    ],
)  # fmt: skip
def test_background_work_is_found_that_no_start_command_names(
    tmp_path: Path, files: dict[str, str], wanted: tuple[str, ...]
) -> None:
    found = project(tmp_path, files)
    assert found.workers == wanted
    assert len([warning for warning in found.warnings if "is not run" in warning]) == len(wanted)


def test_it_is_said_what_is_not_run_and_where_it_stands(tmp_path: Path) -> None:
    assert project(tmp_path, {"site1/celery.py": APP}).warnings == (
        "celery worker is not run (site1/celery.py:2): DjangoZoom runs the web process alone.",
    )
