"""Background work of a project."""

from pathlib import Path

from dz.tasklib.detection import processes
from dz.tasklib.detection.roots import Root
from tests.unit.tasklib.detection.projects import modules

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
    assert processes.workers(found.tree) == ("celery worker", "celery beat", "rqworker")
    assert processes.procfile(found.tree, ROOT)
