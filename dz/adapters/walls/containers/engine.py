"""The Docker engine, through its SDK: the container of a confined program, and what dead launchers left."""

import contextlib
import hashlib
import io
import os
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit

from dz.adapters import trees
from dz.adapters.walls import confinement
from dz.adapters.walls.confinement import Confinement, Docker, folder_of
from dz.adapters.walls.containers import rooms, sources
from dz.adapters.walls.limits import Limits
from dz.errors import WallsMissing

_FOLDER, _LAUNCHER, _PROGRAM = "djangozoom.folder", "djangozoom.launcher", "djangozoom.program"
"""The labels of a container: whose it is, which process ends it, and what runs in it."""
_REPOSITORY = "djangozoom/walls"
_SECONDS = 60
_FIRST_RIGHTS = ("NET_ADMIN", "NET_BIND_SERVICE", "SETUID", "SETGID", "SETPCAP")
"""What the first program within takes to prepare the network and to become the user; it gives all of it up."""
_REMEDY = "Start it, or name its socket in DZ_DOCKER_HOST; or set DZ_ISOLATION=bubblewrap, which needs none."


class Engine:
    """A Docker engine on this machine.

    Raises:
        WallsMissing: it cannot be asked, or cannot make walls; from each of its methods, too.
    """

    def __init__(self, where: Docker) -> None:
        self._where = where
        if os.geteuid() != 0:
            raise WallsMissing(
                "DZ_ISOLATION=docker needs a platform that root runs: whoever reaches a Docker engine is root.",
                "Start the platform as root, or set DZ_ISOLATION=bubblewrap, which needs no rights.",
            )
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(where.socket))
            except OSError as error:
                raise WallsMissing(f"No Docker engine answers at {where.socket}: {error.strerror}.", _REMEDY) from error
        with self._asked():
            self._client = docker.DockerClient(base_url=f"unix://{where.socket}", version="auto", timeout=_SECONDS)

    @property
    def version(self) -> str:
        """The version that the engine says it has."""
        with self._asked():
            return str(self._client.version()["Version"])

    def start(self, wanted: Confinement, room: Path, *, open_files: tuple[int, int]) -> Container:
        """Start the container of a confined program.

        Args:
            room: of its launcher, see `rooms`.
            open_files: how many descriptors its programs may have, the soft limit and the hard one.
        """
        temporary, limits = "/tmp", wanted.limits  # noqa: S108 - of the container alone
        with self._asked():
            container = self._client.containers.create(
                self._image(),
                [str(wanted.python), "-I", "-S", "/run/dz/first.py"],
                name=f"dz-{_digest(str(self._where.folder))}-{room.name}",
                labels={_FOLDER: str(self._where.folder), _LAUNCHER: room.name, _PROGRAM: wanted.group},
                hostname="site",
                user="0:0",
                working_dir="/",
                network_mode="none",
                ipc_mode="private",
                userns_mode="host",
                cap_drop=["ALL"],
                cap_add=list(_FIRST_RIGHTS),
                security_opt=["no-new-privileges:true"],
                read_only=True,
                mounts=_mounts(wanted, room),
                tmpfs={temporary: f"rw,exec,nosuid,nodev,mode=1777,size={limits.temporary_bytes}"},
                shm_size=limits.shared_bytes,
                **_bounds(limits),
                ulimits=[Ulimit(name="nofile", soft=open_files[0], hard=open_files[1])],
                log_config=LogConfig(type=LogConfig.types.NONE),
            )
            try:
                container.start()
            except BaseException:
                remove(container)
                raise
        return container

    def remove_strays(self) -> list[str]:
        """Remove the containers whose launcher has died, and what they were given; return their names."""
        removed = []
        with self._asked():
            wanted = {"label": f"{_FOLDER}={self._where.folder}"}
            for found in self._client.api.containers(all=True, filters=wanted):
                if not rooms.lives(found["Labels"].get(_LAUNCHER, "")):
                    remove(self._client.containers.prepare_model(found))
                    removed.append(found["Names"][0].lstrip("/"))
        for room in rooms.left(self._where.folder):
            trees.discard_tree(room)
        return removed

    def _image(self) -> str:
        """Return the image of all containers, made if it is missing: empty but for the links of this machine's root."""
        content = _root()
        name = f"{_REPOSITORY}:{_digest(content)}"
        try:
            self._client.images.get(name)
        except ImageNotFound:
            repository, _, tag = name.partition(":")
            self._client.api.import_image_from_data(content, repository=repository, tag=tag)
        return name

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except APIError as error:
            raise WallsMissing(f"The Docker engine refused: {error.explanation or error}", _REMEDY) from error
        except (DockerException, requests.RequestException) as error:
            raise WallsMissing(
                f"The Docker engine at {self._where.socket} does not answer: {error}", _REMEDY
            ) from error


def remove(container: Container) -> None:
    """Kill all processes of a container and remove it; one that cannot be removed now is left to the upkeep."""
    with contextlib.suppress(DockerException, requests.RequestException):
        container.remove(force=True, v=True)


def _bounds(limits: Limits) -> dict[str, Any]:
    """Return what the engine bounds, with control groups of its own, where the platform may make none."""
    most = limits.memory_bytes
    memory = {"mem_limit": most, "memswap_limit": most} if most else {}
    cpus = {"nano_cpus": int(limits.cpus * 1e9)} if limits.cpus else {}
    return {**memory, **cpus, "cpu_shares": limits.cpu_weight * 1024 // 100, "pids_limit": limits.processes or -1}


def _mounts(wanted: Confinement, room: Path) -> list[Mount]:
    etc = [Path(f"/etc/{name}") for name in confinement.OF_ETC]
    system = [path for path in map(Path, confinement.OF_THE_SYSTEM) if not path.is_symlink()]
    below = [path for path in (folder_of(wanted.python), *wanted.reads) if not path.is_relative_to("/usr")]
    reads = [path for path in below if path != Path("/")]
    found = sources.mounts([*system, *etc, *reads], [path for path in wanted.writes if path != Path("/")])
    given = [(path, Path("/etc") / path.name, True) for path in (room / "etc").iterdir()]
    # An empty folder instead of what the kernel says about the machine.
    whole = [*found, *given, (room, Path("/run/dz"), True), (room / "sys", Path("/sys"), True)]
    return [Mount(str(within), str(source), type="bind", read_only=only_read) for source, within, only_read in whole]


def _root() -> bytes:
    """Return an archive of a root folder in which this machine's programs can be mounted."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("etc", "proc", "sys", "dev", "run", "tmp", "usr"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755  # which its mount keeps
            archive.addfile(entry)
        for path in map(Path, confinement.OF_THE_SYSTEM):
            if path.is_symlink():
                entry = tarfile.TarInfo(path.name)
                entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
                archive.addfile(entry)
    return out.getvalue()


def _digest(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()[:12]
