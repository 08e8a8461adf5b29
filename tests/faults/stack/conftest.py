"""One stack for all faults: two appservers, two proxies, and a small site that runs on both appservers."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from dz.zoomdb.models import Project, Server, SitePort, VirtualHost
from tests.e2e.conftest import Stack, running_stack

SECONDS = 120
"""How long any condition is waited for; how long it took is printed."""
_SETTINGS = """
SECRET_KEY = "no secret"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
ROOT_URLCONF = "site_of_faults.urls"
ALLOWED_HOSTS = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
_URLS = """
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse(f"version WHICH, {User.objects.count()} users"))]
"""
_MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_faults.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


@dataclass
class Site:
    """A site of the stack, and its source."""

    stack: Stack
    tree: Path
    name: str = "faulty"
    version: int = 0

    def deploy(self, *, instances: int = 2) -> dict[str, Any]:
        """Deploy another version."""
        self.version += 1
        package = self.tree / "site_of_faults"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "settings.py").write_text(_SETTINGS)
        (package / "urls.py").write_text(_URLS.replace("WHICH", str(self.version)))
        (package / "wsgi.py").write_text(
            'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_faults.settings")\n'
            "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
        )
        (self.tree / "manage.py").write_text(_MANAGE)
        (self.tree / "requirements.txt").write_text("django>=5,<6\n")
        (self.tree / "zoombuild.cfg").write_text(f"[project]\ninstances = {instances}\nprocesses = 1\n")
        found: dict[str, Any] = self.stack.json("try", str(self.tree))
        return found

    def ports(self) -> dict[str, int]:
        """The site's own port on each proxy."""
        zoomdb = self.stack.zoomdb
        query = select(Server.name, SitePort.port).join(Server, SitePort.server_id == Server.id)
        query = query.join(VirtualHost, SitePort.virtual_host_id == VirtualHost.id).join(Project)
        with zoomdb.session() as session:
            found = {row[0]: row[1] for row in session.execute(query.where(Project.name == self.name))}
        zoomdb.close()
        return found

    def shown(self) -> dict[str, str]:
        """What each proxy answers: `<status> <version>`, or the kind of failure."""
        return {proxy: _answer(port) for proxy, port in self.ports().items()}

    def is_well(self) -> bool:
        """Say whether each proxy shows the newest version."""
        return set(self.shown().values()) == {f"200 {self.name} v{self.version}"}


def _answer(port: int) -> str:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=10)
    except httpx.HTTPError as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.headers.get('X-DjangoZoom', '')}"


def wait_until(what: str, condition: Callable[[], object], *, seconds: float = SECONDS) -> float:
    """Wait for a condition; print and return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    took = time.monotonic() - began
    print(f"FAULT {what}: {took:.1f} s")  # noqa: T201 - the times stand in docs/operating.md
    return took


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    # What is due every hour is not waited for here.
    with running_stack("dz-faults-", DZ_VACUUM_SECONDS="5") as found:
        yield found


@pytest.fixture(scope="package")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Site:
    found = Site(stack, tmp_path_factory.mktemp("owner") / "faulty")
    found.deploy()
    assert found.is_well()
    return found
