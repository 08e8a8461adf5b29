"""The only reader of the environment: what this process is, and where to find the services around it.

Order of precedence: environment (`DZ_...`), then `<state_dir>/settings.json`, then the defaults below.
"""

import functools
import ipaddress
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

Role = Literal["build", "database", "appserver", "proxy"]
ROLES: tuple[Role, ...] = ("build", "database", "appserver", "proxy")
PROJECT_ROOT = Path(__file__).resolve().parent.parent
PUBLIC_GIT_HOSTS = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "git.sr.ht"]


def _words(value: Any) -> Any:
    """Return the items of a text, which is a JSON list or has them separated by commas or spaces."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else value.replace(",", " ").split()


def _networks(value: Any) -> list[str]:
    """Return addresses and networks in their usual form; raises ValueError for anything else."""
    found = [ipaddress.ip_network(str(one).strip("[]")) for one in _words(value)]
    return [str(one.network_address if one.prefixlen == one.max_prefixlen else one) for one in found]


def _addresses(value: Any) -> list[str]:
    """Return addresses as nginx writes them, IPv6 in brackets; raises ValueError for anything else."""
    found = [ipaddress.ip_address(str(one).strip("[]")) for one in _words(value)]
    if not found:
        raise ValueError("an address is needed")
    return [f"[{one}]" if one.version == 6 else str(one) for one in found]


def _places(value: Any) -> list[tuple[str, int]]:
    """Return pairs of host and port; raises ValueError for anything else."""
    found = [one if isinstance(one, tuple) else str(one).rpartition(":")[::2] for one in _words(value)]
    return [(host.strip("[]"), int(port)) for host, port in found]


class Settings(BaseSettings):
    """The settings of one DjangoZoom process."""

    model_config = SettingsConfigDict(
        env_prefix="DZ_", extra="ignore", env_ignore_empty=True, use_attribute_docstrings=True
    )

    state_dir: Path = PROJECT_ROOT / ".dz"

    role: Role | None = None
    """The role of the worker that this process belongs to; None means all roles (local mode)."""
    server_id: str | None = None
    """The id of the server that this process belongs to; None means any (local mode)."""
    address: str = "127.0.0.1"
    """The address at which other servers reach this one; app instances listen on it."""
    capacity: int = 100
    """How many app instances this appserver may hold."""
    local_mode: bool = False
    """True: work for other roles runs in this process instead of on a work pool."""

    zoomdb_url: SecretStr = SecretStr("postgresql+psycopg2:///zoomdb")
    encryption_key_file: Path | None = None
    """A file of Fernet keys, newest first, one per line; default `<state_dir>/keys/zoomdb.key`."""

    sites_database_url: SecretStr = SecretStr("postgresql+psycopg2:///postgres")
    """The administrator's URL for the sites' database server; read on database servers only."""

    sites_database_host: str | None = None
    """The host at which app instances reach that server; None: the one in the URL."""

    bundle_store: Literal["s3", "directory"] = "s3"
    bundle_directory: Path | None = None
    s3_endpoint: str | None = None
    s3_bucket: str = "djangozoom-bundles"
    s3_region: str = "us-east-1"
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_certificate: Path | None = None
    """A file of the certificates by which the S3 server is known; None: those of the system."""

    git_hosts: list[str] = Field(default_factory=lambda: list(PUBLIC_GIT_HOSTS))
    """Allowed sources: a public host name (https only), or an internal `git://HOST:PORT` / `https://HOST:PORT`."""

    interpreters: list[Path] = []
    """The server's Python interpreters for sites; empty: those in the usual places that every user can execute."""
    python_default: str | None = None
    """The Python of projects that name none, such as `3.12`; None: the newest of `interpreters`."""
    python_downloads: Literal["automatic", "never"] = "automatic"
    """Whether Pythons that a project needs and the server lacks are fetched."""
    python_dir: Path | None = None
    """The folder of fetched Pythons, which no other platform may use; None: `<state_dir>/pythons`."""
    python_mirror: str | None = None
    """Where archives of python-build-standalone are fetched from, https:// or file://; None: uv's own source."""
    python_downloads_json: str | None = None
    """A list of other archives, in the format of uv's `--python-downloads-json-url`: a path, file:// or https://."""
    index_url: str | None = None
    """Package index for sites' dependencies; None: the installer's default."""

    isolation: Literal["bubblewrap", "docker", "user"] = "bubblewrap"
    """The walls around code of projects: `bubblewrap`, containers of a `docker` engine on this machine, or only another
    Unix `user`, for code that is trusted."""
    docker_host: str = Field(default="unix:///var/run/docker.sock", pattern="^unix:///")
    """Where that engine answers: a socket of this machine, since containers get files of this machine."""
    egress: Annotated[list[tuple[str, int]], NoDecode, BeforeValidator(_places)] = []
    """Private addresses that sites may reach, as `HOST:PORT,...`, besides their database and the public internet."""
    build_egress: Annotated[list[str], NoDecode, BeforeValidator(_words)] = []
    """Further places that builds may reach, besides the package index, the sources in `git_hosts` and the addresses in
    requirements: public hosts by name, others as `https://HOST:PORT`."""
    site_memory_mb: int | None = Field(default=None, ge=64)
    """Memory in MiB of each app instance and release hook; None: an eighth of the server's, from 512 to 2048."""
    site_memory_most_mb: int | None = Field(default=None, ge=64)
    """The highest `memory_mb` that a project may ask for; None: a quarter of the server's memory."""
    site_processes: int = Field(default=512, ge=32)
    """Processes and threads that an app instance or release hook may have at once."""
    site_cpus: float | None = Field(default=None, gt=0)
    """Processors that an app instance may keep busy; None: half of the server's, but two at least."""
    site_tmp_mb: int | None = Field(default=None, ge=1)
    """The size in MiB of an app instance's /tmp; None: half of its memory, 1024 at most."""
    most_instances: int = Field(default=20, ge=1)
    """The highest `instances` that a project may ask for."""
    most_processes: int = Field(default=16, ge=1)
    """The highest `processes` that a project may ask for."""
    most_threads: int = Field(default=64, ge=1)
    """The highest `threads` that a project may ask for."""
    build_memory_mb: int | None = Field(default=None, ge=256)
    """Memory in MiB of each step of a build or check; None: a quarter of the server's, from 2048 to 8192."""
    build_processes: int = Field(default=1024, ge=32)
    """Processes and threads that a step of a build or check may have at once."""
    build_cpus: float | None = Field(default=None, gt=0)
    """Processors that a step of a build or check may keep busy; None: half of the server's, but two at least."""
    build_tmp_mb: int | None = Field(default=None, ge=1)
    """The size in MiB of the /tmp of a step of a build or check; None: 1024."""
    project_memory_mb: int | None = Field(default=None, ge=256)
    """Memory in MiB of everything of one project that runs on a server; None: half of the server's, but 2048 at least."""
    project_processes: int = Field(default=4096, ge=64)
    """Processes and threads of everything of one project that runs on a server."""
    file_mb: int = Field(default=2048, ge=1)
    """The largest file in MiB that a program of a project may write."""
    open_files: int = Field(default=4096, ge=256)
    """Files and connections that each process of a project may have open."""
    unix_user_prefix: str = ""
    """Put before a project's sysid to name its Unix user, so that several stacks can share a machine."""

    nginx: str = "nginx"
    """The nginx executable, by path or name."""
    app_ports: tuple[int, int] = (21000, 21999)
    """First and last port of app instances on an appserver."""
    proxy_port: int = 80
    """The port on which a proxy serves all sites, told apart by host name."""
    proxy_addresses: Annotated[list[str], NoDecode, BeforeValidator(_addresses)] = ["127.0.0.1"]
    """The addresses of this machine on which a proxy serves that port; `0.0.0.0,::` is all of them."""
    trusted_proxies: Annotated[list[str], NoDecode, BeforeValidator(_networks)] = []
    """Addresses and networks, IPv4 and IPv6, of the proxies that end TLS before ours. What they say in X-Forwarded-For and
    X-Forwarded-Proto is believed; from any other address it is overwritten."""
    proxy_status_port: int = 8089
    """The port on 127.0.0.1 on which a proxy's nginx reports which generation of its configuration it has loaded."""
    site_ports: tuple[int, int] | None = None
    """Local stacks: the range from which each host name gets a port on 127.0.0.1."""
    proxy_user: str | None = None
    """The Unix user of nginx's workers when root starts nginx."""
    site_connections: int = Field(default=1000, ge=1, le=4000)
    """How many requests of one site may be under way at a proxy at once; more are answered with 503. Websockets count."""
    visitor_connections: int = Field(default=500, ge=1, le=4000)
    """How many of a site's requests under way may come from one address; more are answered with 503."""
    visitor_requests: int = Field(default=1000, ge=1, le=10_000)
    """How many requests a second one address may send to a site, five seconds' worth at once; more are answered with 429."""
    supervisor_socket: Path | None = None
    """Unix socket of an appserver's supervisord; None: `<server_dir>/supervisor/supervisor.sock`."""
    port_base: int | None = None
    """The first of a local stack's 2000 ports; None: a free block is chosen once."""
    external: list[str] = []
    """Names of the settings with which a person gave a local stack servers; it starts none of its own for these."""
    given: list[str] = []
    """Names of the settings that a person gave `dz up` of a local stack, which keeps them."""
    platform_domain: str = "localhost"
    """Every project has the host name `<project>.<platform_domain>`."""
    database_prefix: str = ""
    """Put before a project's sysid to name its database and user, so that several stacks can share one server."""

    worker_type: Literal["warm", "process"] = "warm"
    """How workers start flow runs: forked from a warm process, or each in a fresh one as Prefect's own worker does."""
    prefect_api_url: str | None = None
    prefect_ui_url: str | None = None
    prefect_auth_string: SecretStr | None = None
    prefect_certificate: Path | None = None
    """A file of the certificates by which Prefect's API is known; None: those that come with Prefect."""

    versions_kept: int = 2
    """How many versions keep their app instances warm for rollback, the serving one included."""
    bundles_kept: int = Field(default=10, ge=1)
    """How many published versions of a project can be served again; the bundles of older ones are deleted."""
    jobs_kept_days: int = Field(default=90, ge=1)
    """Days for which an ended job stays with its log and its guesses; the newest 20 of each project stay longer."""
    runs_kept_days: float = Field(default=30, gt=1 / 24)
    """Days for which a local stack's Prefect keeps an ended flow run with its logs and artifacts."""
    events_kept_days: float = Field(default=3, gt=0)
    """Days for which a local stack's Prefect keeps events, most of which are states of task runs."""
    vacuum_seconds: float = Field(default=3600, gt=0)
    """Seconds between two removals of what a local stack's Prefect keeps no longer."""
    proxy_log_mb: int = Field(default=50, ge=1)
    """Megabytes that a proxy's access log and its error log may have each; one older file of each is kept."""
    cache_mb: int = Field(default=10_000, ge=1)
    """Megabytes that an installer's cache may have on a build server, that of all projects and that of each; a larger one
    is emptied when nothing is built."""
    build_timeout: int = 900
    """Seconds that one command of a build may take (Read the Docs allows the same)."""
    health_timeout: int = 60
    """Seconds that an app instance has to become healthy."""
    form_timeout: int = 172_800
    """Seconds that a launch's verification form waits for an answer."""
    max_repo_mb: int = 500
    max_repo_files: int = 50_000

    @property
    def key_file(self) -> Path:
        """The file with the keys that encrypt secrets in zoomdb."""
        return self.encryption_key_file or self.state_dir / "keys" / "zoomdb.key"

    @property
    def docker_socket(self) -> Path:
        """The socket of the Docker engine."""
        return Path(self.docker_host.removeprefix("unix://"))

    @property
    def pythons_folder(self) -> Path:
        """The folder of the Pythons that were fetched for sites."""
        return self.python_dir or self.state_dir / "pythons"

    def server_dir(self, server_id: str) -> Path:
        """The folder that holds everything server `server_id` keeps."""
        return self.state_dir / "servers" / server_id

    def unix_user(self, sysid: str) -> str | None:
        """The Unix user of a project; None where this process may not change users."""
        return f"{self.unix_user_prefix}{sysid}" if os.geteuid() == 0 else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add `<state_dir>/settings.json` as a source that the environment overrides."""
        state_dir = Path(os.environ.get("DZ_STATE_DIR", PROJECT_ROOT / ".dz"))
        return init_settings, env_settings, JsonConfigSettingsSource(settings_cls, state_dir / "settings.json")


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, which are read once; after `settings.cache_clear()` they are read again."""
    return Settings()
