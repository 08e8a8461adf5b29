"""What an app instance is: one release on one appserver, and where everything of it lies."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from dz.errors import WrongServer
from dz.tasklib.bundles.manifest import Manifest
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Project, Release, Server, VirtualHost
from dz.zoomdb.states import SHOWN

WALLS_FILE = "walls.json"
_PUBLIC = re.compile(r"DZ_|(DJANGO_)?(DEBUG|ALLOWED_HOSTS|SETTINGS_MODULE)$|CONFIG_PG_(DBNAME|USER|HOST|PORT)$")
"""Names of variables whose values everybody may see."""


@dataclass(frozen=True)
class AppInstance:
    """A release on this appserver.

    Args:
        deployment_id: the row of zoomdb that stands for it.
        address: where it listens, with `port`.
        hosts: the project's host names, the platform's own first.
        hooks_done: the hooks of its release have run.
        folder: holds everything that this appserver keeps.
    """

    deployment_id: int
    release_id: int
    project_id: int
    sysid: str
    address: str
    port: int
    hosts: tuple[str, ...]
    manifest: Manifest
    hooks_done: bool
    folder: Path

    @property
    def program(self) -> str:
        """The name under which supervisord knows it."""
        return program_name(self.deployment_id)

    @property
    def host(self) -> str:
        """The name under which the platform asks the site whether it is healthy."""
        return self.hosts[0] if self.hosts else "127.0.0.1"

    @property
    def virtualenv(self) -> Path:
        """Where the extracted virtualenv lies, which other versions may share."""
        return virtualenv_path(self.folder, self.manifest.required("environment").sha256)

    @property
    def bundle(self) -> Path:
        """Where the extracted code lies."""
        return self.folder / "bundles" / self.sysid / self.manifest.name

    @property
    def static(self) -> Path | None:
        """Where the extracted static files lie, which versions with equal ones share; None if there are none."""
        layer = self.manifest.layer("static")
        return self.folder / "static" / layer.sha256 if layer else None

    @property
    def static_root(self) -> Path | None:
        """The folder of the collected files, which the site finds as STATIC_ROOT."""
        collected = any(folder == "static" for _, folder in self.manifest.static_map)
        return self.static / "static" if self.static and collected else None

    @property
    def written_source(self) -> Path:
        """Where it runs if its project writes beside its code: a copy of the code that is this instance's alone."""
        return self.own / "src"

    @property
    def own(self) -> Path:
        """The folder of everything that belongs to this app instance alone."""
        return own_folder(self.folder, self.deployment_id)

    @property
    def env_file(self) -> Path:
        """The file of its variables, which only the project's user can read."""
        return self.own / "env.json"

    @property
    def hosts_file(self) -> Path:
        """The file of the host names that it answers to, which it reads again when it changes."""
        return hosts_file(self.folder, self.deployment_id)

    @property
    def gunicorn_file(self) -> Path:
        """The configuration of its gunicorn."""
        return self.own / "gunicorn.conf.py"

    @property
    def walls_file(self) -> Path:
        """What its processes see and reach, and where it listens."""
        return self.own / WALLS_FILE

    @property
    def hold(self) -> Path:
        """A folder that exists for as long as it must not serve yet; see `adapters/loaded_project.py`."""
        return self.own / "hold"

    @property
    def home(self) -> Path:
        """The home folder of its processes."""
        return self.own / "home"

    @property
    def media(self) -> Path:
        """The folder of files that visitors upload; all versions of the project share it."""
        return self.folder / "projects" / self.sysid / "media"

    @property
    def logs(self) -> Path:
        """The folder of the logs of all app instances."""
        return self.folder / "logs"

    @property
    def log(self) -> Path:
        """What its processes write, which stays when it is taken down."""
        return self.logs / f"{self.program}.log"

    def command(self, *words: str) -> list[str]:
        """Return the command line of the launcher for `gunicorn CONFIG` or `manage ARGS...`."""
        launcher = self.bundle / "dz" / "dz_run.py"
        return [str(self.virtualenv / "bin" / "python"), str(launcher), str(self.env_file), *words]

    def secrets(self) -> list[str]:
        """Return the values of its variables that must not appear in any text."""
        variables = json.loads(self.env_file.read_text())
        return [value for name, value in variables.items() if not _PUBLIC.match(name)]


def program_name(deployment_id: int) -> str:
    """Return the name under which supervisord knows an app instance."""
    return f"app-{deployment_id}"


def own_folder(folder: Path, deployment_id: int) -> Path:
    """Return the folder of an app instance in its appserver's folder."""
    return folder / "instances" / str(deployment_id)


def hosts_file(folder: Path, deployment_id: int) -> Path:
    """Return the file of the host names of an app instance in its appserver's folder."""
    return own_folder(folder, deployment_id) / "hosts.json"


def virtualenv_path(folder: Path, sha256: str) -> Path:
    """Return where an appserver extracts the virtualenv of a layer."""
    return folder / "envs" / sha256


def find(zoomdb: Zoomdb, release_id: int, server_name: str, *, folder: Path) -> AppInstance:
    """Return the app instance of a release on a server; raises WrongServer if placement did not choose that server.

    Args:
        folder: that server's.
    """
    query = select(Deployment).join(Server, Deployment.server_id == Server.id)
    with zoomdb.session() as session:
        row = session.scalar(query.where(Deployment.release_id == release_id, Server.name == server_name))
        if row is None:
            raise WrongServer(
                f"Release {release_id} was not placed on {server_name}; nothing was done.",
                "Let placement choose the server: start build-and-deploy or rollback instead of deploy.",
            )
        release = session.get_one(Release, release_id)
        hosts = select(VirtualHost.name).where(VirtualHost.project_id == release.project_id).order_by(VirtualHost.id)
        return AppInstance(
            deployment_id=row.id,
            release_id=release_id,
            project_id=release.project_id,
            sysid=release.project.sysid,
            address=row.server.address,
            port=row.port,
            hosts=tuple(session.scalars(hosts)),
            manifest=Manifest.from_json(release.bundle.manifest),
            hooks_done=release.hooks_done is not None,
            folder=folder,
        )


def current(zoomdb: Zoomdb, project_id: int, server_name: str, *, folder: Path) -> AppInstance | None:
    """Return the app instance of a project's current release that a server should run; None: there should be none.

    Args:
        folder: that server's.
    """
    query = select(Deployment.release_id).join(Project, Deployment.release_id == Project.current_release_id)
    query = query.join(Server, Deployment.server_id == Server.id)
    with zoomdb.session() as session:
        wanted = query.where(Project.id == project_id, Server.name == server_name, Deployment.state.in_(SHOWN))
        release = session.scalar(wanted)
    return None if release is None else find(zoomdb, release, server_name, folder=folder)


def release_of(zoomdb: Zoomdb, deployment_id: int) -> int:
    """Return the release of a deployment."""
    with zoomdb.session() as session:
        return session.get_one(Deployment, deployment_id).release_id
