"""The same attacks from within containers of a Docker engine, at every stage of a project's life, and what stays of it."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from dz import wiring
from dz.settings import settings
from dz.tasklib.servers import placement
from tests.flows.conftest import POLLS, Platform
from tests.hostile.conftest import Site, armed, deploy, listeners, reports, targets


@dataclass(frozen=True)
class Contained:
    site: Site
    reports: dict[str, dict[str, Any]]
    hits: list[str]
    client: "docker.DockerClient"

    def containers(self) -> list[Any]:
        """All containers of the platform, running or not."""
        own = {"label": f"djangozoom.folder={wiring.docker().folder}"}
        found: list[Any] = self.client.containers.list(all=True, filters=own)
        return found


@pytest.fixture(scope="module")
def contained(
    platform: Platform, prefect: None, docker_socket: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    tree = tmp_path_factory.mktemp("trees") / "contained"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    patch = pytest.MonkeyPatch()
    patch.setattr(placement, "SILENT_AFTER", 300)  # nobody beats while a fixture deploys
    patch.setenv("DZ_ISOLATION", "docker")
    patch.setenv("DZ_DOCKER_HOST", f"unix://{docker_socket}")
    settings.cache_clear()
    client = docker.DockerClient(f"unix://{docker_socket}")
    try:
        with listeners() as (port, hits):
            aims = targets(platform, None, port)
            # Without an empty folder, a name that the engine makes up, and what is the project's own here.
            own = ("p00000001", "instances/1")
            aims["files"] = [path for path in aims["files"] if not any(word in path for word in own)]
            aims["files"] = [path for path in aims["files"] if path not in {"/sys", "/etc/hostname"}]
            aims["files"].append(str(docker_socket))
            aims["databases"].remove("p00000001")
            aims["places"].append(str(docker_socket))
            armed(tree, aims)
            site = deploy(platform, tree, "contained")
            yield Contained(site, reports(site), hits, client)
    finally:
        client.close()
        patch.undo()
        settings.cache_clear()


def test_at_no_stage_does_it_see_or_reach_anything_outside(contained: Contained) -> None:
    assert set(contained.reports) == {"setup", "settings", "migration", "site"}
    for stage, found in contained.reports.items():
        nothing = (found["seen"], found["read"], found["databases"], found["reached"], found["signalled"])
        assert nothing == ([], [], [], {}, []), stage
        assert (found["gained"], found["commands"]) == ([], []), stage
    assert set(contained.reports["setup"]["proxy"].values()) == {"403"}
    assert contained.hits == []


def test_at_every_stage_it_is_a_user_of_its_own_without_rights(contained: Contained) -> None:
    for stage, found in contained.reports.items():
        status = found["status"]
        rights = {int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")}
        assert (rights, status["NoNewPrivs"], status["Seccomp"]) == ({0}, ["1"], ["2"]), stage
        assert "0" not in {*status["Uid"], *status["Gid"]}, stage
        assert {uid for uid, _ in found["processes"]} <= {0, int(status["Uid"][0])}, stage


def test_it_starts_again_when_its_launcher_is_killed_and_leaves_nothing_when_it_is_taken_down(
    contained: Contained,
) -> None:
    assert contained.site.get("/") == "contained"
    (before,) = contained.containers()
    within = [psutil.Process(int(line[1])) for line in before.top()["Processes"]]
    contained.site.processes()[0].kill()
    _, alive = psutil.wait_procs(within, timeout=10)
    assert alive == []
    deadline = time.monotonic() + 60
    while contained.site.get("/") != "contained":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (after,) = contained.containers()
    assert after.id != before.id
    within = [psutil.Process(int(line[1])) for line in after.top()["Processes"]]
    contained.site.undeploy()
    _, alive = psutil.wait_procs(within, timeout=10)
    assert (alive, contained.containers()) == ([], [])
