"""What becomes of a site whose database changes: requests that wait for a migration, and versions that it leaves behind."""

import shutil
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from dz.errors import RollbackRefused
from dz.tasklib.jobs import jobs, log
from tests.flows.conftest import POLLS, Platform

HOLD = """
import time
from django.db import transaction
from django.http import HttpResponse
from polls.models import Question

def hold(request):
    "A page whose transaction reads a table and stays open until another page is asked for."
    with transaction.atomic():
        while not Question.objects.filter(text="go").exists():
            time.sleep(0.2)
    return HttpResponse("held")

def go(request):
    Question.objects.create(text="go")
    return HttpResponse("gone")
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("polls", "{before}")]
    operations = [migrations.{operation}]
"""


class Site:
    """The polls site with a page that holds a lock; each version has one more migration."""

    def __init__(self, platform: Platform, tree: Path) -> None:
        shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
        self._platform, self._tree = platform, tree
        (tree / "polls" / "held.py").write_text(HOLD)
        urls = tree / "polls" / "urls.py"
        urls.write_text(
            urls.read_text()
            + "\nfrom polls.held import go, hold\nurlpatterns += [path('hold', hold), path('go', go)]\n"
        )
        self._last = "0002_first_question"
        self.url = ""

    def migrate_to(self, name: str, operation: str) -> None:
        """Add a migration."""
        path = self._tree / "polls" / "migrations" / f"{name}.py"
        path.write_text(MIGRATION.format(before=self._last, operation=operation))
        self._last = name

    def deploy(self) -> None:
        """Deploy what is there now."""
        from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
        from tasks.parameters import DeployRequest  # noqa: PLC0415

        build_and_deploy(DeployRequest(url=self._platform.publish("changing", self._tree)))
        self.url = jobs.newest(self._platform.zoomdb, limit=1)[0].result["url"]

    def get(self, path: str) -> float:
        """Ask for a page and return the seconds that it took."""
        started = time.monotonic()
        with urllib.request.urlopen(urllib.parse.urljoin(self.url, path), timeout=60) as answer:  # noqa: S310
            answer.read()
        return time.monotonic() - started

    def said(self) -> str:
        """Return what the last job wrote to its log."""
        job = jobs.newest(self._platform.zoomdb, limit=1)[0]
        return "\n".join(line.message for line in log.lines(self._platform.zoomdb, job.id))


def test_no_request_waits_for_a_migration_that_waits_and_broken_versions_stay_behind(
    platform: Platform, tmp_path: Path
) -> None:
    from flows.rollback import rollback  # noqa: PLC0415
    from tasks.parameters import VersionRequest  # noqa: PLC0415

    site = Site(platform, tmp_path / "tree")
    site.deploy()
    pages = urllib.parse.urlsplit(site.url).path
    holding = threading.Thread(target=site.get, args=("hold",))
    over, took = threading.Event(), []

    def visit() -> None:
        while not over.is_set():
            took.append(site.get(pages))
            if holding.is_alive() and "a migration waits for a lock" in site.said():
                took.append(site.get("go"))
                holding.join()
            over.wait(0.1)

    holding.start()
    visitor = threading.Thread(target=visit)
    visitor.start()
    site.migrate_to("0003_colour", "AddField('question', 'colour', models.CharField(max_length=9, null=True))")
    site.deploy()
    over.set()
    visitor.join()
    holding.join()
    assert "a migration waits for a lock" in site.said()
    assert "idle in transaction" in site.said()
    assert max(took) < 5

    rollback(VersionRequest(project="changing"))
    assert "polls.0003_colour" in site.said()

    site.migrate_to("0004_gone", "RemoveField('question', 'colour')")
    site.deploy()
    with pytest.raises(RollbackRefused, match=r"polls\.0004_gone: Remove field colour from question \(its data"):
        rollback(VersionRequest(project="changing", version=2))
    rollback(VersionRequest(project="changing", version=2, accepted=True))
    assert jobs.newest(platform.zoomdb, limit=1)[0].state == "succeeded"
