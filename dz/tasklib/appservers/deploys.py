"""A release on an appserver: the steps of `deploy`, each of which can be repeated."""

import contextlib
import functools
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dz.adapters import loaded_project, users
from dz.adapters.bundle_store import BundleStore
from dz.adapters.interpreters import Interpreter
from dz.adapters.processes import Finished
from dz.adapters.sandbox import Sandbox
from dz.adapters.supervisor import Supervisor
from dz.errors import HealthCheckFailed, WrongServer
from dz.tasklib import databases
from dz.tasklib.appservers import appservers, instances
from dz.tasklib.appservers.instances import Installed, Instance
from dz.tasklib.releases import hooks
from dz.tasklib.variables.of_release import variables_of
from dz.tasklib.variables.redaction import redacted
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Release, Server, VirtualHost
from dz.zoomdb.states import DeploymentState

_PUBLIC = re.compile(r"DZ_|(DJANGO_)?(DEBUG|ALLOWED_HOSTS|SETTINGS_MODULE)$|CONFIG_PG_(DBNAME|USER|HOST|PORT)$")
"""Names of variables whose values everybody may see."""
HOOK_TIMEOUT = 1500
"""Seconds for one release hook, less than a task may take, which is less than a parent waits."""


@dataclass(frozen=True)
class Target:
    """A release on this appserver, and all that its steps need.

    Args:
        address: where the app instance listens.
        hosts: the project's host names, the platform's own first.
        folder: everything of this appserver.
    """

    release_id: int
    deployment_id: int
    state: DeploymentState
    address: str
    port: int
    sysid: str
    project_id: int
    hosts: tuple[str, ...]
    manifest: dict[str, Any]
    hooks_done: bool
    folder: Path

    @property
    def host(self) -> str:
        """The name under which the platform asks the site whether it is healthy."""
        return self.hosts[0] if self.hosts else "127.0.0.1"

    @property
    def logs(self) -> Path:
        """The folder of the logs of app instances."""
        return self.folder / "logs"

    @property
    def files(self) -> Instance:
        """Where the files of the app instance lie."""
        return instances.files_of(self.folder, self.deployment_id, self.sysid)

    @property
    def installed(self) -> Installed:
        """Where the extracted bundle lies."""
        layers = {entry["kind"]: entry["sha256"] for entry in self.manifest["layers"]}
        bundle = self.folder / "bundles" / self.sysid / self.manifest["name"]
        return Installed(self.folder / "envs" / layers["environment"], bundle)


def target(zoomdb: Zoomdb, release_id: int, server_name: str, *, folder: Path) -> Target:
    """Return what a release is on a server; raises WrongServer if placement did not choose that server."""
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
        return Target(
            release_id=release_id,
            deployment_id=row.id,
            state=row.state,
            address=row.server.address,
            port=row.port,
            sysid=release.project.sysid,
            project_id=release.project_id,
            hosts=tuple(session.scalars(hosts)),
            manifest=release.bundle.manifest,
            hooks_done=release.hooks_done is not None,
            folder=folder,
        )


def install(place: Target, *, store: BundleStore, interpreters: list[Interpreter]) -> None:
    """Download and extract the bundle, unless it is there."""
    instances.install(place.manifest, folder=place.folder, store=store, interpreters=interpreters)


def configure(zoomdb: Zoomdb, place: Target, *, owner: tuple[int, int] | None) -> None:
    """Write the app instance's environment and configuration; owner is the project's uid and gid."""
    plan = place.manifest["plan"]
    environment = variables_of(
        zoomdb,
        place.release_id,
        credentials=databases.credentials(zoomdb, place.project_id),
        # nginx alone decides which names reach a site; a name given later needs no restart.
        hosts=["*"],
        origins=[f"{scheme}://{host}" for host in place.hosts for scheme in ("https", "http")],
        static_url=place.manifest["static_url"],
        media_root=str(place.files.media),
    )
    instances.write_instance(
        place.deployment_id,
        folder=place.folder,
        sysid=place.sysid,
        environment=environment,
        address=place.address,
        port=place.port,
        processes=plan["processes"],
        preload=plan.get("preload", False) and not plan["use_asgi"],
        owner=owner,
    )


def run_hooks(zoomdb: Zoomdb, place: Target, *, supervisor: Supervisor, sandbox: Sandbox, deadline: float) -> None:
    """Run the release's hooks once, as the project's user; an app instance that is held serves then.

    Args:
        deadline: seconds that a held instance may take to load the project.
    """
    wanted, django = place.manifest["plan"]["hooks"], place.manifest["django"]
    with redacted(secrets_of(place)), _manage(zoomdb, place, supervisor, sandbox, deadline) as manage:
        hooks.run_hooks(zoomdb, place.release_id, run=manage, hooks=wanted, django_version=django)


@contextlib.contextmanager
def _manage(
    zoomdb: Zoomdb, place: Target, supervisor: Supervisor, sandbox: Sandbox, deadline: float
) -> Iterator[Callable[[list[str]], Finished]]:
    """Yield what runs `manage.py`: the app instance, if it is held and has the project loaded, or else a new process."""
    if not place.files.hold.is_dir():

        def in_new_process(words: list[str]) -> Finished:
            command = place.installed.command(place.files.env_file, "manage", *words)
            return sandbox.run(command, cwd=place.files.home, env={}, timeout=HOOK_TIMEOUT)

        yield in_new_process
        return
    alive = appservers.process_of(supervisor, place.deployment_id, place.port)["alive"]
    owner = users.ensure_user(sandbox.user) if sandbox.user else None
    with (
        appservers.taken_down_on_failure(zoomdb, supervisor, place.deployment_id, folder=place.folder, logs=place.logs),
        loaded_project.loaded(
            place.files.hold, owner=owner, limits=sandbox.bounds, alive=alive, deadline=deadline
        ) as project,
    ):
        yield functools.partial(project.run, timeout=HOOK_TIMEOUT)


def secrets_of(place: Target) -> list[str]:
    """Return the values of the app instance's variables that must not appear in any text."""
    environment = json.loads(place.files.env_file.read_text())
    return [value for name, value in environment.items() if not _PUBLIC.match(name)]


def boot(place: Target, *, supervisor: Supervisor, user: str | None) -> None:
    """Start the app instance under supervision; one that is loaded once is held until its hooks have run."""
    if place.manifest.get("loads_once") and not place.hooks_done:
        loaded_project.hold(place.files.hold)
    place.logs.mkdir(exist_ok=True, mode=0o700)  # a site may print its secrets
    appservers.boot(
        supervisor, place.deployment_id, installed=place.installed, instance=place.files, user=user, logs=place.logs
    )


def warm_up(place: Target, *, supervisor: Supervisor, deadline: float) -> None:
    """Wait until each worker process of the app instance has answered once or cannot; deadline in seconds."""

    def ask() -> None:
        with contextlib.suppress(HealthCheckFailed):
            appservers.wait_until_healthy(
                place.address,
                place.port,
                place.host,
                place.manifest["plan"]["health_path"],
                deadline=deadline,
                **appservers.process_of(supervisor, place.deployment_id, place.port),
            )

    # A worker process that loads its first page takes no other request, so each gets one.
    processes = place.manifest["plan"]["processes"]
    with ThreadPoolExecutor(processes) as threads:
        for _ in range(processes):
            threads.submit(ask)


def check(zoomdb: Zoomdb, place: Target, *, supervisor: Supervisor, deadline: float) -> None:
    """Wait until the app instance is healthy; deadline in seconds."""
    with redacted(secrets_of(place)):
        appservers.check(
            zoomdb,
            supervisor,
            place.deployment_id,
            folder=place.folder,
            address=place.address,
            host=place.host,
            path=place.manifest["plan"]["health_path"],
            deadline=deadline,
            logs=place.logs,
        )


def release_of(zoomdb: Zoomdb, deployment_id: int) -> int:
    """Return the release of a deployment."""
    with zoomdb.session() as session:
        return session.get_one(Deployment, deployment_id).release_id
