"""Code of a project that attacks the platform and its neighbours gets nothing, at any stage of its life."""

import json
import os
import shutil
import stat
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dz import wiring
from dz.adapters import files
from dz.settings import settings
from dz.tasklib.jobs import jobs
from dz.tasklib.servers import placement
from dz.worker import upkeep
from tests.flows.conftest import POLLS, Platform

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="without root all projects run as one Unix user")

HOSTILE = Path(__file__).parent / "project"
CANARY = "canary-5f1e7b"
STAGES = ("setup", "settings", "migration", "site")
_SETUP = """
import os, sys
from setuptools import setup
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import probe
probe.report("setup", here)
setup(name="hostile-dependency", version="1.0", py_modules=[])
"""
_SETTINGS = """
import os, sys
import probe
if not any("gunicorn" in word or word == "migrate" for word in sys.argv):
    probe.report("settings", str(BASE_DIR))
"""
_MIGRATION = """
from django.conf import settings
from django.db import migrations
import probe
def attack(apps, schema_editor):
    probe.report("migration", str(settings.BASE_DIR))
class Migration(migrations.Migration):
    dependencies = [("polls", "{last}")]
    operations = [migrations.RunPython(attack)]
"""
_URLS = """
from django.conf import settings
from django.http import JsonResponse
from django.urls import path
import probe
urlpatterns = [
    path("", lambda request: JsonResponse({})),
    path("attack/", lambda request: JsonResponse(probe.attempt("site", str(settings.BASE_DIR)))),
]
"""


def _deploy(url: str) -> dict[str, Any]:
    for role in ("build", "database", "appserver", "proxy"):
        upkeep.beat(role, f"{role}-1")
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(url=url))
    return jobs.newest(wiring.zoomdb(), limit=1)[0].result


def _tree(folder: Path, targets: dict[str, Any]) -> Path:
    tree = folder / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    for place in (tree, tree / "dependency"):
        place.mkdir(exist_ok=True)
        shutil.copy(HOSTILE / "probe.py", place)
        (place / "targets.json").write_text(json.dumps(targets))
    (tree / "dependency" / "setup.py").write_text(_SETUP)
    with (tree / "requirements.txt").open("a") as stream:
        stream.write("psycopg2-binary\n./dependency\n")
    with (tree / "mysite" / "settings.py").open("a") as stream:
        stream.write(_SETTINGS)
    migrations = tree / "polls" / "migrations"
    last = max(migrations.glob("0*.py")).stem
    (migrations / "0099_attack.py").write_text(_MIGRATION.replace("{last}", last))
    (tree / "mysite" / "urls.py").write_text(_URLS)
    return tree


@pytest.fixture(scope="module")
def attacks(platform: Platform, prefect: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Deploy a victim, then the attacker; return the attacker's report of each stage."""
    monkey = pytest.MonkeyPatch()
    monkey.setattr(placement, "SILENT_AFTER", 300)  # two deploys on a busy machine, and nobody beats
    reports = Path(tempfile.mkdtemp(prefix="dzr", dir="/tmp"))
    reports.chmod(0o1777)
    state = platform.state
    files.write(state / "settings.json", json.dumps({"s3_secret_key": CANARY}), mode=0o600)
    patch = pytest.MonkeyPatch()
    for name in ("AWS_SECRET_ACCESS_KEY", "PREFECT_API_AUTH_STRING", "DZ_S3_SECRET_KEY"):
        patch.setenv(name, CANARY)
    try:
        victim = platform.publish("victim", POLLS)
        _deploy(victim)
        targets = {
            "reports": str(reports),
            "files": [
                str(settings().key_file), str(state / "settings.json"), "/etc/shadow", "/root/.bash_history",
                *(str(state / "servers" / pattern) for pattern in (
                    "appserver-1/instances/1/env.json", "appserver-1/logs/*", "appserver-1/supervisor/*.log",
                    "appserver-1/bundles/p00000001/*/src/manage.py", "build-1/checkouts/p00000001/*/manage.py",
                    "build-1/layers/*", "build-1/work/*/*/env.json",
                )),
                str(state / "bundles" / "layers" / "*"),
            ],
            "private_folders": [str(state), str(state / "keys"), str(state / "bundles"), "/root"],
            "folders": [
                str(state / "servers" / pattern) for pattern in (
                    "appserver-1", "appserver-1/bundles", "appserver-1/bundles/*", "appserver-1/bundles/*/*",
                    "appserver-1/bundles/*/*/src", "appserver-1/bundles/*/*/dz", "appserver-1/envs", "appserver-1/envs/*",
                    "appserver-1/envs/*/bin", "appserver-1/instances", "appserver-1/instances/1", "build-1",
                    "build-1/layers", "build-1/checkouts", "build-1/checkouts/*/*", "build-1/envs/p00000001", "proxy-1",
                    "proxy-1/sites", "proxy-1/static", "proxy-1/static/*", "appserver-1/supervisor/conf.d",
                )
            ],
            "databases": ["p00000001", "zoomdb_flows", "postgres", "template1"],
        }  # fmt: skip
        url = platform.publish("attacker", _tree(tmp_path_factory.mktemp("attack"), targets))
        result = _deploy(url)
        found = {path.name.split("-")[0]: json.loads(path.read_text()) for path in sorted(reports.iterdir())}
        with urllib.request.urlopen(f"{result['url'].rstrip('/')}/attack/", timeout=30) as answer:  # noqa: S310
            found["site"] = json.loads(answer.read())
        yield found
    finally:
        patch.undo()
        monkey.undo()
        shutil.rmtree(reports)


@pytest.mark.parametrize("stage", STAGES)
def test_hostile_code_gets_nothing(attacks: dict[str, Any], stage: str) -> None:
    found = attacks[stage]
    assert CANARY not in json.dumps(found)
    assert found["files"] == {}
    assert found["listed"] == []
    assert found["written"] == []
    assert found["environs"] == {}
    assert found["databases"] == []
    assert found["signalled"] == []


@pytest.mark.parametrize("stage", STAGES)
def test_the_environment_holds_nothing_of_the_worker(attacks: dict[str, Any], stage: str) -> None:
    names = set(attacks[stage]["environment"])
    assert not {name for name in names if name.startswith(("PREFECT", "AWS", "DZ_S3", "DZ_ZOOMDB", "DZ_SITES"))}
    assert not names & {"DZ_STATE_DIR", "DZ_ENCRYPTION_KEY_FILE", "SSH_AUTH_SOCK", "SUDO_USER"}


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_runs_as_its_own_user_without_a_way_to_more(attacks: dict[str, Any], stage: str) -> None:
    status = attacks[stage]["status"]
    uids, gids = set(status["Uid"]), set(status["Gid"])
    assert (len(uids), len(gids)) == (1, 1)
    assert "0" not in uids | gids
    assert set(status["Groups"]) <= gids
    assert status["NoNewPrivs"] == ["1"]
    assert (int(status["CapEff"][0], 16), int(status["CapPrm"][0], 16)) == (0, 0)


def test_a_running_site_cannot_change_its_own_code_or_environment(attacks: dict[str, Any]) -> None:
    assert attacks["site"]["own environment"] == []
    assert attacks["site"]["own code"] == []


def test_no_descriptor_of_the_platform_is_inherited(attacks: dict[str, Any], platform: Platform) -> None:
    for stage in ("setup", "settings", "migration"):
        inherited = [
            name for name in attacks[stage]["descriptors"] if name.startswith(("socket:", str(platform.state)))
        ]
        assert inherited == [] or stage == "migration", inherited


def test_nothing_that_a_step_started_outlives_it(attacks: dict[str, Any]) -> None:
    deadline = time.monotonic() + 2
    while _leftovers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _leftovers() == []


def _leftovers() -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        found += [word for word in process.info["cmdline"] or [] if word.startswith("hostile-leftover")]
    return found


def test_the_key_file_is_its_owners_alone(platform: Platform) -> None:
    assert stat.S_IMODE(settings().key_file.stat().st_mode) & 0o077 == 0
