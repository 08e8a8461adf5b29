"""Release hooks in an app instance that has loaded its project: real supervisord, gunicorn and Django."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import uv

from dz.adapters import interpreters, loaded_project
from dz.adapters.processes import Limits
from dz.adapters.supervisor import Supervisor
from dz.adapters.users import ensure_user
from dz.errors import HealthCheckFailed, HookFailed
from dz.settings import PROJECT_ROOT
from dz.tasklib.appservers import appservers, instances
from dz.tasklib.appservers.instances import Installed, Instance
from tests.conftest import free_port

SHIM = PROJECT_ROOT / "dz" / "shim"
SETTINGS = """
import os
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
if os.environ.get("MODE") == "broken":
    raise RuntimeError("no such table: sky")
"""
WSGI = """
import django
django.setup()
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"served"]
"""
COMMAND = """
import os, resource, subprocess, sys, time
from django.core.management.base import BaseCommand
class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("act")
    def handle(self, *, act, **options):
        print("doing", act, os.getuid(), resource.getrlimit(resource.RLIMIT_FSIZE)[0], flush=True)
        if act == "fail":
            sys.exit(3)
        if act == "crash":
            raise RuntimeError("no more paint")
        if act == "die":
            os._exit(0)
        if act == "leave":
            subprocess.Popen(["sleep", "61.5"], start_new_session=True)
        if act == "linger":
            time.sleep(60)
        if act == "print":
            print("x" * 300000)
"""


@pytest.fixture(scope="module")
def installed(room):
    env, code = room / "env", room / "code"
    program = uv.find_uv_bin()
    subprocess.run([program, "venv", "-q", "-p", interpreters.available()[0].path, env], check=True)
    trusting = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as the installer does
    install = [program, "pip", "install", "-q", "-p", env / "bin" / "python", "gunicorn", "django<6"]
    subprocess.run(install, env=trusting, check=True)
    commands = code / "src" / "shop" / "management" / "commands"
    commands.mkdir(parents=True)
    (code / "dz").mkdir()
    (commands / "hook.py").write_text(COMMAND)
    for folder in (commands, commands.parent, commands.parent.parent):
        (folder / "__init__.py").write_text("")
    for name in ("dz_run.py", "dz_hooks.py"):
        shutil.copy(SHIM / name, code / "dz")
    (code / "dz" / "dz_settings.py").write_text(SETTINGS)
    (code / "dz" / "dz_wsgi.py").write_text(WSGI)
    plan = {"project_root": ".", "additional_python_path_dirs": [], "django_settings_module": "s"}
    (code / "dz" / "plan.json").write_text(json.dumps({**plan, "database_type": "postgresql", "use_asgi": False}))
    return Installed(env, code)


@dataclass
class Site:
    supervisor: Supervisor
    room: Path
    number: int
    port: int
    installed: Installed
    user: str | None

    @property
    def files(self) -> Instance:
        return instances.files_of(self.room / "server", self.number, "p00000001")

    @property
    def name(self):
        return appservers.program_name(self.number)

    @property
    def owner(self):
        return ensure_user(self.user) if self.user else None

    def boot(self, mode="fine"):
        made = instances.write_instance(
            self.number, folder=self.room / "server", sysid="p00000001", environment={"MODE": mode},
            address="127.0.0.1", port=self.port, processes=1, preload=True, owner=self.owner,
        )  # fmt: skip
        loaded_project.hold(made.hold)
        appservers.boot(
            self.supervisor, self.number, installed=self.installed, instance=made, user=self.user,
            logs=self.room / "logs",
        )  # fmt: skip

    def loaded(self):
        alive = appservers.process_of(self.supervisor, self.number, self.port)["alive"]
        limits = Limits(file_bytes=10**7)
        return loaded_project.loaded(self.files.hold, owner=self.owner, limits=limits, alive=alive, deadline=20)

    def page(self, timeout=0.5):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=timeout) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return None


@pytest.fixture
def site(supervisor, room, installed, user):
    found = Site(supervisor, room, secrets.randbelow(10**6), free_port(), installed, user)
    yield found
    supervisor.remove(found.name)
    instances.remove_instance(room / "server", found.number)


def test_it_serves_only_when_its_hooks_have_run_as_the_projects_user(site):
    site.boot()
    with site.loaded() as project:
        done = project.run(["hook", "well"], timeout=20)
        assert site.page() is None
    assert (done.ok, done.timed_out) == (True, False)
    assert done.output == f"doing well {site.owner[0] if site.owner else os.getuid()} 10000000\n"
    assert site.page(10) == "served"
    assert not site.files.hold.exists()
    psutil.Process(site.supervisor.pid(site.name)).kill()  # what is started anew is held no more
    assert any(time.sleep(0.2) or site.page() for _ in range(50))


def test_how_a_hook_ended_is_told(site):
    site.boot()
    with site.loaded() as project:
        assert project.run(["hook", "fail"], timeout=20).returncode == 3
        crashed = project.run(["hook", "crash"], timeout=20)
        assert (crashed.returncode, crashed.tail(1)) == (1, "RuntimeError: no more paint")
        printed = project.run(["hook", "print"], timeout=20)
        assert printed.output.endswith("[output truncated]\n")
        assert len(printed.output) < 210_000
        died = project.run(["hook", "die"], timeout=20)
        assert (died.ok, died.returncode) == (False, -9)


def test_what_a_hook_leaves_behind_ends_with_it(site):
    site.boot()
    with site.loaded() as project:
        assert project.run(["hook", "leave"], timeout=20).ok
        left = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "61.5"]]
        assert all(one.status() == psutil.STATUS_ZOMBIE for one in left)


def test_a_hook_that_takes_too_long_is_killed_and_nothing_is_served(site):
    site.boot()
    with contextlib.suppress(HookFailed), site.loaded() as project:
        done = project.run(["hook", "linger"], timeout=1)
        assert (done.timed_out, done.ok) == (True, False)
        assert "doing linger" in done.output
        raise HookFailed("It took too long.", "")
    assert site.page(3) is None
    assert any(time.sleep(0.2) or site.supervisor.state(site.name) == "RUNNING" for _ in range(100))
    with site.loaded() as project:  # the instance, started anew, waits again
        assert project.run(["hook", "well"], timeout=20).ok
    assert site.page(10) == "served"


def test_a_hook_ends_when_the_deploy_that_runs_it_is_killed(site):
    site.boot()
    with contextlib.suppress(HookFailed), site.loaded() as project:
        request = json.dumps({"words": ["hook", "linger"], "limits": []}).encode()
        with tempfile.TemporaryFile() as output:
            socket.send_fds(project._connection, [request], [output.fileno()])
            while not output.seek(0) and b"linger" not in output.read():
                time.sleep(0.05)
        hook = project._process
        assert hook.is_running()
        raise HookFailed("The connection goes with its process.", "")
    _, alive = psutil.wait_procs([hook], timeout=5)
    assert alive == []


def test_a_project_that_does_not_load_is_named_and_no_hook_runs(site):
    site.boot("broken")
    with pytest.raises(HealthCheckFailed, match="ended while it started"), site.loaded():
        pytest.fail("it cannot be loaded")
