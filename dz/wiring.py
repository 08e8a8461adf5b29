"""Chooses the adapters of this process from its settings; the only place where the two meet."""

import functools
import logging
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from dz.adapters import interpreters as python_interpreters
from dz.adapters import users
from dz.adapters.bundle_store import BundleStore, DirectoryBundleStore, S3BundleStore
from dz.adapters.git import Git
from dz.adapters.installer import Installer, UvInstaller
from dz.adapters.interpreters import Interpreter
from dz.adapters.postgres import PostgresServer
from dz.adapters.sandbox import Sandbox, UserSandbox
from dz.settings import Role, settings
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
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def git() -> Git:
    """Return git, which reads only from allowed hosts."""
    return Git(settings().git_hosts)


def interpreters() -> list[Interpreter]:
    """Return the Pythons that sites can get on this server."""
    return python_interpreters.available(settings().interpreters)


def installer() -> Installer:
    """Return the installer of dependencies."""
    return UvInstaller(settings().index_url, timeout=settings().build_timeout)


def sandbox(sysid: str, role: Role, server: str | None = None) -> Sandbox:
    """Return the confinement of a project's code on this server, with a home folder of its own."""
    user = settings().unix_user(sysid)
    home = server_dir(role, server) / "homes" / sysid
    users.ensure_home(user, home)
    return UserSandbox(user, home)


def bundle_store() -> BundleStore:
    """Return the bundle store."""
    here = settings()
    if here.bundle_store == "directory":
        return DirectoryBundleStore(here.bundle_directory or here.state_dir / "bundles")
    secret = here.s3_secret_key.get_secret_value() if here.s3_secret_key else None
    return S3BundleStore(here.s3_endpoint, here.s3_bucket, here.s3_region, here.s3_access_key, secret)


def postgres() -> PostgresServer:
    """Return the sites' database server, as its administrator."""
    return PostgresServer(settings().sites_database_url.get_secret_value())


def database_place() -> dict[str, Any]:
    """Return which database server this is and where app instances reach it."""
    url = make_url(settings().sites_database_url.get_secret_value())
    host = settings().sites_database_host or url.host or "127.0.0.1"
    return {"server_name": server_name("database"), "host": host, "port": url.port or 5432}


def to_run_log(line: str) -> None:
    """Send a line of a program's output to the log of the flow run."""
    logger.info("%s", line)


def next_step(url: str) -> str:
    """Return what to do after check_repo."""
    ui = settings().prefect_ui_url
    where = f" or run [build-and-deploy]({ui}/deployments) in this UI" if ui else ""
    return f"`dz deploy {url}`{where}"
