"""Chooses the adapters of this process from its settings; the only place where the two meet."""

import contextlib
import functools
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from dz import names
from dz.adapters import interpreters as python_interpreters
from dz.adapters import users
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore, DirectoryBundleStore, S3BundleStore
from dz.adapters.git import Git
from dz.adapters.installer import Installer, UvInstaller
from dz.adapters.nginx import Limits as VisitorLimits
from dz.adapters.nginx import Nginx
from dz.adapters.postgres import PostgresServer
from dz.adapters.python_downloads import PythonDownloads, Pythons
from dz.adapters.sandbox import Sandbox, UserSandbox, named
from dz.adapters.supervisor import Supervisor
from dz.adapters.walls import cgroups, limits
from dz.adapters.walls.confinement import Docker, Walls, of_this_server
from dz.adapters.walls.limits import Limits
from dz.errors import StackProblem
from dz.settings import Role, settings
from dz.tasklib import projects
from dz.tasklib.appservers import configure as configuring
from dz.tasklib.appservers import instance
from dz.tasklib.appservers import look as looking
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.bounds import Bounds
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.messages import observations
from dz.tasklib.proof import rooms
from dz.tasklib.proof.attempts import Prover
from dz.tasklib.proxies import hosts, static, updates
from dz.tasklib.variables import stored
from dz.tasklib.verification import verification
from dz.tasklib.virtualenvs import virtualenvs
from dz.tasklib.virtualenvs.dated import Installation
from dz.tasklib.virtualenvs.wheels import PackageCache
from dz.zoomdb import Zoomdb

logger = logging.getLogger("dz")


@functools.lru_cache(maxsize=4)
def _zoomdb(url: str, key_file: Path) -> Zoomdb:
    return Zoomdb(url, key_file)


def zoomdb() -> Zoomdb:
    """Return the platform's database; one pool of connections per process."""
    return _zoomdb(settings().zoomdb_url.get_secret_value(), settings().key_file)


def server_name(role: Role) -> str:
    """Return the id of this server; a process that holds all roles is the first server of each."""
    return settings().server_id or f"{role}-1"


def server_dir(role: Role, server: str | None = None) -> Path:
    """Return the folder of a server that this process may act for."""
    folder = settings().server_dir(server or server_name(role))
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return folder


def work_dir(sysid: str) -> Path:
    """Return the folder for temporary files of a project's builds."""
    return server_dir("build") / "work" / sysid


def git() -> Git:
    """Return git, which reads only from allowed hosts."""
    return Git(settings().git_hosts)


def pythons() -> Pythons:
    """Return the Pythons that sites can get on this server."""
    here = settings()
    allowed = here.python_downloads == "automatic"
    downloads = PythonDownloads(here.pythons_folder, allowed, here.python_mirror, here.python_downloads_json)
    return Pythons(tuple(python_interpreters.available(here.interpreters)), downloads, here.python_default)


def installer() -> Installer:
    """Return the installer of dependencies."""
    here = settings()
    return UvInstaller(
        here.index_url, timeout=here.build_timeout, sources=tuple(here.git_hosts), egress=tuple(here.build_egress)
    )


def installation(project: int, plan: Plan, checkout: Checkout) -> Installation:
    """Return what installs the dependencies of a project's build on this server."""
    within, folder = sandbox(checkout.sysid, "build"), server_dir("build") / "envs" / checkout.sysid
    make = functools.partial(
        virtualenvs.create,
        plan,
        checkout,
        folder=folder,
        installer=installer(),
        sandbox=within,
        packages=packages(),
        cache=project_cache(checkout, within.user),
        variables=stored.of_project(zoomdb(), project),
        hosts=settings().git_hosts,
        on_line=to_run_log,
    )
    return Installation(plan, checkout, pythons(), make, folder, to_run_log)


def sandbox(sysid: str, role: Role, server: str | None = None, *, memory_mb: int | None = None) -> Sandbox:
    """Return the confinement of a project's code on this server, with a home folder of its own.

    Args:
        memory_mb: what the project asks for its site.
    """
    identity, folder = owner(sysid), server_dir(role, server)
    for kind in ("checkouts", "envs") if role == "build" else ():
        users.closed_folder(folder / kind / sysid, identity)
    home, bounds = users.home(folder / "homes" / sysid, identity), _limits(role, memory_mb)
    return UserSandbox(settings().unix_user(sysid), home, walls(), bounds, _group(sysid))


def _limits(role: Role, memory_mb: int | None = None) -> Limits:
    """Return how much one program of a project may use on a server of this process.

    Args:
        memory_mb: what a site asks for.
    """
    here, machine = settings(), limits.machine()
    common: dict[str, Any] = {
        "file_bytes": here.file_mb * limits.MIB,
        "open_files": here.open_files,
        "project_memory_bytes": _bytes(here.project_memory_mb),
        "project_processes": here.project_processes,
    }
    if role == "appserver":
        most = _bytes(here.site_memory_most_mb) or machine.memory_bytes // 4
        asked = min(most, memory_mb * limits.MIB) if memory_mb else None
        return limits.of_sites(
            machine,
            **common,
            memory_bytes=asked or _bytes(here.site_memory_mb),
            processes=here.site_processes,
            cpus=here.site_cpus,
            temporary_bytes=_bytes(here.site_tmp_mb),
        )
    return limits.of_builds(
        machine,
        **common,
        memory_bytes=_bytes(here.build_memory_mb),
        processes=here.build_processes,
        cpus=here.build_cpus,
        temporary_bytes=_bytes(here.build_tmp_mb),
    )


def bounds() -> Bounds:
    """Return how much of a server a project may ask for."""
    here = settings()
    memory = here.site_memory_most_mb or limits.machine().memory_bytes // 4 // limits.MIB
    return Bounds(here.most_instances, here.most_processes, here.most_threads, memory)


def _bytes(mib: int | None) -> int | None:
    return mib * limits.MIB if mib else None


def limits_in_force() -> str:
    """Say what of a project's programs is bounded on this server."""
    return cgroups.in_force(cgroups.trees())


def control_groups() -> str:
    """Return the name of the control group of this installation."""
    return cgroups.of_installation(settings().state_dir)


def _group(name: str) -> str:
    return f"{control_groups()}/{name}"


def walls() -> Walls:
    """Return what the walls around code of projects are made of here."""
    return of_this_server(settings().isolation, docker())


def walls_named() -> str:
    """Return which walls these are, for people; raises WallsMissing if an engine that they need does not answer."""
    return named(walls())


def docker() -> Docker:
    """Return the Docker engine of this server, if it has one, as this platform uses it."""
    return Docker(settings().docker_socket, settings().state_dir / "containers")


def remove_stray_containers() -> None:
    """Remove containers of this platform whose launcher has died; raises WallsMissing if the engine does not answer."""
    if settings().isolation == "docker":
        from dz.adapters.walls.containers.engine import Engine  # noqa: PLC0415 - few servers have an engine

        for name in Engine(docker()).remove_strays():
            logger.info("The container %s was removed, whose launcher had died.", name)


@contextlib.contextmanager
def prover(checkout: Checkout) -> Iterator[Prover]:
    """Yield a prover of guesses about a checkout, in its own room, with the variables of the project of that source."""
    variables = stored.of_source(zoomdb(), checkout.url, checkout.ref)
    with rooms.room(_proofs(), rooms.source_key(checkout.url, checkout.ref), _throwaway) as room:
        yield Prover(
            room,
            pythons(),
            installer(),
            variables,
            on_line=to_run_log,
            packages=packages(),
            hosts=settings().git_hosts,
            site=verification.site_variables(_hosts_of_source(checkout.url), tls=bool(settings().trusted_proxies)),
        )


def _hosts_of_source(url: str) -> list[str]:
    """Return the host names of the project from a URL, or the one that it would get."""
    known, domain = projects.of_source(zoomdb(), url), settings().platform_domain
    if known:
        return hosts.of_project(zoomdb(), known.id, domain=domain)
    return [f"{names.project_name_from_url(url)}.{domain}"]


def packages() -> PackageCache:
    """Return the package cache of this build server, which only a user of its own writes."""
    folder = server_dir("build") / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    return PackageCache(folder, _throwaway("packages", folder / "home"))


def project_cache(checkout: Checkout, user: str | None) -> Path:
    """Return the installer's cache of a project, which takes over the one that a proof of its source has filled."""
    folder = server_dir("build") / "envs" / checkout.sysid
    folder.mkdir(parents=True, exist_ok=True)
    cache = folder / ".cache"
    rooms.hand_over_cache(_proofs(), rooms.source_key(checkout.url, checkout.ref), cache, user)
    return users.owned(cache, user)


def _proofs() -> Path:
    return server_dir("build") / "proofs"


def _throwaway(name: str, home: Path) -> Sandbox:
    """Return the confinement of code that belongs to no project yet."""
    owner(name)  # makes the user where it is missing
    user = settings().unix_user(name)
    return UserSandbox(user, users.owned(home, user), walls(), _limits("build"), _group(name))


def bundle_store() -> BundleStore:
    """Return the bundle store."""
    here = settings()
    if here.bundle_store == "directory":
        return DirectoryBundleStore(here.bundle_directory or here.state_dir / "bundles")
    secret = here.s3_secret_key.get_secret_value() if here.s3_secret_key else None
    return S3BundleStore(
        here.s3_endpoint,
        here.s3_bucket,
        here.s3_region,
        here.s3_access_key,
        secret,
        certificate=here.s3_certificate,
    )


def postgres() -> PostgresServer:
    """Return the sites' database server, as its administrator."""
    return PostgresServer(settings().sites_database_url.get_secret_value())


def database_place() -> dict[str, Any]:
    """Return which database server this is and where app instances reach it."""
    url = make_url(settings().sites_database_url.get_secret_value())
    host = settings().sites_database_host or url.host or "127.0.0.1"
    prefix, port = settings().database_prefix, url.port or int(str(url.query.get("port", 5432)))
    return {"server_name": server_name("database"), "host": host, "port": port, "prefix": prefix}


def database_socket() -> Path | None:
    """Return the Unix socket of the sites' database server; None where its administrator uses none."""
    place = make_url(settings().sites_database_url.get_secret_value()).query
    folder = str(place.get("host", ""))
    return Path(folder, f".s.PGSQL.{place.get('port', 5432)}") if folder.startswith("/") else None


def supervisor(server: str) -> Supervisor:
    """Return the supervisord of an appserver's app instances."""
    folder = server_dir("appserver", server) / "supervisor"
    return Supervisor(folder, settings().supervisor_socket or folder / "supervisor.sock")


def app_instance(release: int, server: str) -> AppInstance:
    """Return a release on an appserver of this process."""
    return instance.find(zoomdb(), release, server, folder=server_dir("appserver", server))


def configure(found: AppInstance) -> None:
    """Write the files of an app instance of this process's appserver."""
    here = settings()
    configuring.configure(
        zoomdb(),
        found,
        owner=owner(found.sysid),
        local_names=local_names(),
        egress=here.egress,
        database_socket=database_socket(),
        within=walls(),
        limits=_limits("appserver", found.manifest.plan.memory_mb),
        group=_group(found.sysid),
    )


def local_names() -> list[str]:
    """Return the names of this machine under which a local stack shows every site, on a port of its own."""
    return ["127.0.0.1", "localhost"] if settings().site_ports else []


def owner(sysid: str) -> tuple[int, int] | None:
    """Return uid and gid of a project's user; None where this process may not change users."""
    user = settings().unix_user(sysid)
    return users.ensure_user(user) if user else None


def nginx(server: str) -> Nginx:
    """Return the nginx of a proxy."""
    here = settings()
    binary = shutil.which(here.nginx)
    if binary is None:
        raise StackProblem(f"There is no nginx at {here.nginx!r}.", "Install nginx, or name it in DZ_NGINX.")
    return Nginx(
        Path(binary),
        server_dir("proxy", server),
        port=here.proxy_port,
        status_port=here.proxy_status_port,
        user=here.proxy_user,
        addresses=here.proxy_addresses,
        trusted_proxies=here.trusted_proxies,
        limits=VisitorLimits(here.site_connections, here.visitor_connections, here.visitor_requests),
    )


def show_on_proxy(
    project: int, release: int | None, server: str, *, allowed: Callable[[], bool] = lambda: True
) -> None:
    """Make a proxy of this process show a release of a project (None: the current one); see `updates.show`."""
    there = nginx(server)
    there.write_main(moves=False)  # sites are written for the main configuration of this checkout
    updates.show(
        zoomdb(),
        project,
        release,
        server_name=server,
        nginx=there,
        site_ports=settings().site_ports,
        static_fetch=functools.partial(_static, server),
        allowed=allowed,
    )


def look(role: Role, server: str, project: int) -> None:
    """Store what a server of this process sees of a project."""
    if role == "proxy":
        updates.look(zoomdb(), project, server_name=server, nginx=nginx(server))
    elif role == "appserver":
        there = instance.current(zoomdb(), project, server, folder=server_dir("appserver", server))
        wrong = looking.wrong(there, supervisor=supervisor(server)) if there else ""
        observations.write(zoomdb(), server, project, wrong=wrong)


def looker() -> Callable[[str, int], None] | None:
    """Return `look` for the servers of this process, if it acts for all roles; None: their workers are asked."""
    return (lambda server, project: look(_role_of(server), server, project)) if settings().local_mode else None


def _role_of(server: str) -> Role:
    return "proxy" if server == server_name("proxy") else "appserver"


def _static(server: str, sha256: str, size: int) -> Path:
    """Return the extracted static layer on a proxy, downloaded if it is not there."""
    layer, folder = Layer("static", sha256, size), server_dir("proxy", server)
    return static.ensure(layer, folder=folder / "static", store=bundle_store())


def to_run_log(line: str) -> None:
    """Send a line of a program's output to the log of the flow run."""
    logger.info("%s", line)
