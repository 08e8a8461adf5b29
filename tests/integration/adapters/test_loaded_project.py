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
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import uv

from dz.adapters import interpreters, loaded_project
from dz.adapters.supervisor import Supervisor
from dz.adapters.users import ensure_user
from dz.adapters.walls.confinement import Network, of_this_server
from dz.adapters.walls.limits import FILE_BYTES
from dz.errors import HealthCheckFailed, HookFailed
from dz.settings import PROJECT_ROOT
from dz.tasklib.appservers import boot, configure, health, stop
from dz.tasklib.appservers.instance import AppInstance
from tests.conftest import free_port
from tests.manifests import MANIFEST, PLAN

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
    (code / "dz" / "plan.json").write_text(json.dumps(PLAN.to_json()))
    return env, code


@dataclass(frozen=True)
class Installed(AppInstance):
    """An app instance whose virtualenv and code lie where the test has made them."""

    made: tuple[Path, Path]

    virtualenv = property(lambda self: self.made[0])
    bundle = property(lambda self: self.made[1])


@dataclass
class Site:
    supervisor: Supervisor
    instance: AppInstance
    user: str | None

    @property
    def name(self):
        return self.instance.program

    @property
    def owner(self):
        return ensure_user(self.user) if self.user else None

    def boot(self, mode="fine"):
        configure.write_files(self.instance, {"MODE": mode}, owner=self.owner)
        configure.write_walls(self.instance, owner=self.owner, network=Network(internet=True), within=of_this_server())
        boot.boot(self.instance, supervisor=self.supervisor)

    def loaded(self):
        return loaded_project.loaded(
            self.instance.hold,
            owner=self.owner,
            alive=lambda: health.is_alive(self.instance, self.supervisor),
            timeout=20,
        )

    def page(self, timeout=0.5):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.instance.port}/", timeout=timeout) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return None


@pytest.fixture
def site(supervisor, room, installed, user):
    instance = Installed(
        deployment_id=secrets.randbelow(10**6),
        release_id=1,
        project_id=1,
        sysid="p00000001",
        address="127.0.0.1",
        port=free_port(),
        hosts=(),
        manifest=replace(MANIFEST, plan=replace(PLAN, processes=1), loads_once=True),
        hooks_done=False,
        folder=room / "server",
        made=installed,
    )
    yield Site(supervisor, instance, user)
    stop.take_down(supervisor, instance.deployment_id, folder=instance.folder)


def test_it_serves_only_when_its_hooks_have_run_as_the_projects_user(site):
    site.boot()
    with site.loaded() as project:
        done = project.run(["hook", "well"], timeout=20)
        assert site.page() is None
    assert (done.ok, done.timed_out) == (True, False)
    assert done.output == f"doing well {site.owner[0] if site.owner else os.getuid()} {FILE_BYTES}\n"
    assert site.page(10) == "served"
    assert not site.instance.hold.exists()
    psutil.Process(site.supervisor.pid(site.name)).kill()  # what is started anew is held no more
    assert any(time.sleep(0.2) or site.page() for _ in range(50))


def test_how_a_hook_ended_is_told(site):
    site.boot()
    with site.loaded() as project:
        assert project.run(["hook", "fail"], timeout=20).returncode == 3
        crashed = project.run(["hook", "crash"], timeout=20)
        assert (crashed.returncode, crashed.tail(1)) == (1, "RuntimeError: no more paint")
        printed = project.run(["hook", "print"], timeout=20)
        assert "\n[output truncated: " in printed.output
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
        with tempfile.TemporaryFile() as output, loaded_project._lifeline() as lifeline:
            socket.send_fds(project._connection, [request], [output.fileno(), lifeline])
            while not output.seek(0) and b"linger" not in output.read():
                time.sleep(0.05)
        hook = project._process
        assert hook.is_running()
        raise HookFailed("The pipe and the connection go with their process.", "")
    _, alive = psutil.wait_procs([hook], timeout=5)
    assert alive == []


def test_a_project_that_does_not_load_is_named_and_no_hook_runs(site):
    site.boot("broken")
    with pytest.raises(HealthCheckFailed, match="ended while it started"), site.loaded():
        pytest.fail("it cannot be loaded")
