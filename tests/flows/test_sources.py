"""Where dependencies come from: a name that the repository defines is its folder, with and without a lock file."""

import json
import re
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dz.errors import InvalidRequirement
from dz.tasklib.jobs import jobs
from dz.zoomdb.models import Bundle
from tests.flows.conftest import Platform

PROJECTS = Path(__file__).parents[1] / "projects"


@pytest.fixture
def deploy(platform: Platform, prefect: None, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Deploy a changed copy of the workspace; returns the job's result."""

    def run(change: Callable[[Path], None] = lambda tree: None) -> dict[str, Any]:
        from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
        from tasks.parameters import DeployRequest  # noqa: PLC0415

        tree = tmp_path / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(PROJECTS / "uv_workspace", tree)
        change(tree)
        build_and_deploy(DeployRequest(url=platform.publish("workspace", tree)))
        return jobs.newest(platform.zoomdb, limit=1)[0].result

    return run


def page(result: dict[str, Any]) -> str:
    with urllib.request.urlopen(result["url"], timeout=20) as answer:  # noqa: S310
        return str(answer.read().decode())


def environment_of(platform: Platform) -> Path:
    with platform.zoomdb.session() as session:
        manifest = session.scalars(select(Bundle.manifest).order_by(Bundle.id.desc())).first()
    return next(platform.state.glob(f"servers/build-1/envs/*/{manifest['environment_key']}"))


def installed(platform: Platform) -> dict[str, str]:
    """Return where each package of the newest bundle came from: an address, or `index`."""
    found = {}
    for folder in environment_of(platform).glob("lib/python*/site-packages/*.dist-info"):
        told = folder / "direct_url.json"
        found[folder.name.partition("-")[0]] = json.loads(told.read_text())["url"] if told.exists() else "index"
    return found


def test_the_members_of_a_workspace_are_its_folders_with_and_without_the_lock(
    deploy: Callable[..., dict[str, Any]], platform: Platform
) -> None:
    locked = dict(
        re.findall(r'name = "([\w-]+)"\nversion = "([^"]+)"', (PROJECTS / "uv_workspace/uv.lock").read_text())
    )
    result = deploy()
    assert page(result).startswith("VAT 19 % of ")
    assert installed(platform)["pricing"].endswith("/libs/pricing")
    assert installed(platform)["tariffs"].endswith("/libs/tariffs")
    assert list(
        environment_of(platform).glob(f"lib/*/site-packages/python_dateutil-{locked['python-dateutil']}.dist-info")
    )

    def unlocked(tree: Path) -> None:
        (tree / "uv.lock").unlink()
        rates = tree / "libs/tariffs/data/rates.json"
        rates.write_text(rates.read_text().replace("19", "21"))

    result = deploy(unlocked)
    assert page(result).startswith("VAT 21 % of "), "a change of a member's files reaches the site"
    assert installed(platform)["pricing"].endswith("/libs/pricing")
    assert installed(platform)["django"] == "index"


def test_a_name_of_the_repository_that_cannot_be_had_from_it_is_refused(deploy: Callable[..., dict[str, Any]]) -> None:
    def asked_for_strangers(tree: Path) -> None:
        (tree / "uv.lock").unlink()
        web = tree / "apps/web/pyproject.toml"
        web.write_text(web.read_text().replace('"pricing"', '"pricing==1.0.1"').replace("pricing = {", "other = {"))

    with pytest.raises(InvalidRequirement, match=r"asks for pricing==1\.0\.1, but .* pricing 0\.1\.0 in libs/pricing"):
        deploy(asked_for_strangers)
