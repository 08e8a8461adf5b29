"""What is said of an engine that cannot make walls, and what it is asked for."""

import os
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from dz.adapters import sandbox
from dz.adapters.sandbox import UserSandbox
from dz.adapters.walls.confinement import Docker, Walls
from dz.errors import WallsMissing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root asks an engine")
def test_without_an_engine_nothing_runs_and_the_operator_is_told(tmp_path: Path) -> None:
    walls = Walls(None, Path("/usr/bin/python3"), Docker(tmp_path / "none.sock", tmp_path / "rooms"))
    ran = tmp_path / "ran"
    with pytest.raises(WallsMissing) as caught:
        UserSandbox(None, tmp_path, walls).run(["/usr/bin/touch", ran], cwd=tmp_path, env={}, timeout=20)
    assert f"No Docker engine answers at {tmp_path}/none.sock: No such file or directory." in caught.value.found
    assert caught.value.remedy == (
        "Start the Docker engine, or name its socket in DZ_DOCKER_HOST; or set DZ_ISOLATION=bubblewrap, which needs "
        "none (docs/operating.md, Walls)."
    )
    assert not ran.exists()
    assert sandbox.in_force(walls).startswith("they do not stand.")


def test_the_version_of_the_engine_is_said_once_a_program_has_run_in_its_walls(
    walls: Walls, client: docker.DockerClient
) -> None:
    version = client.version()["Version"]
    assert sandbox.in_force(walls).startswith(f"docker {version}: code of projects has its own files")


def test_the_image_is_made_again_when_somebody_has_removed_it(walls: Walls, client: docker.DockerClient) -> None:
    run = UserSandbox(None, Path("/"), walls).run
    assert run(["/bin/true"], cwd=Path("/"), env={}, timeout=60).ok
    for image in client.images.list("djangozoom/walls"):
        client.images.remove(image.id, force=True)
    assert run(["/bin/true"], cwd=Path("/"), env={}, timeout=60).ok


def test_memory_is_bounded_by_the_engine_where_the_platform_makes_no_control_groups(walls: Walls) -> None:
    confined = UserSandbox(None, Path("/"), walls)
    confined = replace(confined, limits=replace(confined.limits, memory_bytes=64 * 1024**2))
    eater = "b = bytearray(300 * 1024 ** 2); print('had it')"
    done = confined.run([walls.python, "-c", eater], cwd=Path("/"), env={}, timeout=60)
    assert (done.ok, "had it" in done.output) == (False, False)
