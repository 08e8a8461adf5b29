"""Walls of an engine that runs for the tests alone."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from dz.adapters.walls import confinement
from dz.adapters.walls.confinement import Docker, Walls


@pytest.fixture(scope="session")
def client(docker_socket: Path) -> Iterator["docker.DockerClient"]:
    found = docker.DockerClient(f"unix://{docker_socket}")
    yield found
    found.close()


@pytest.fixture
def walls(docker_socket: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walls]:
    """What every test finds as the walls of this server."""
    with tempfile.TemporaryDirectory(prefix="dz-rooms-") as folder:
        found = confinement.of_this_server("docker", Docker(docker_socket, Path(folder)))
        monkeypatch.setattr(confinement, "of_this_server", lambda *_: found)
        yield found
