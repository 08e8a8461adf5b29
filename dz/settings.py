"""The only reader of the environment: what this machine is, and where the outside things are.

Order of precedence: environment (`DZ_...`), then `<state_dir>/settings.json`, then the defaults below.
"""

import functools
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, JsonConfigSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

Role = Literal["build", "database", "appserver", "proxy"]
ROLES: tuple[Role, ...] = ("build", "database", "appserver", "proxy")
PROJECT_ROOT = Path(__file__).resolve().parent.parent
PUBLIC_GIT_HOSTS = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "git.sr.ht"]


class Settings(BaseSettings):
    """Settings of one process of DjangoZoom."""

    model_config = SettingsConfigDict(env_prefix="DZ_", extra="ignore")

    state_dir: Path = PROJECT_ROOT / ".dz"

    role: Role | None = None
    """The role of the worker that this process belongs to; None means all roles (local mode)."""
    server_id: str | None = None
    """The id of the server that this process belongs to; None means any (local mode)."""
    address: str = "127.0.0.1"
    """Where the other servers reach this one; app instances listen there."""
    capacity: int = 100
    """App instances that this appserver may hold."""
    local_mode: bool = False
    """True: work of other roles runs in this process instead of on a work pool."""

    zoomdb_url: SecretStr = SecretStr("postgresql+psycopg2:///zoomdb")
    encryption_key_file: Path | None = None
    """A file of Fernet keys, newest first, one a line; default `<state_dir>/keys/zoomdb.key`."""

    sites_database_url: SecretStr = SecretStr("postgresql+psycopg2:///postgres")
    """Administrator's URL of the sites' database server; read on database servers only."""

    sites_database_host: str | None = None
    """Where app instances reach that server; None: as the URL says."""

    bundle_store: Literal["s3", "directory"] = "s3"
    bundle_directory: Path | None = None
    s3_endpoint: str | None = None
    s3_bucket: str = "djangozoom-bundles"
    s3_region: str = "us-east-1"
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None

    git_hosts: list[str] = Field(default_factory=lambda: list(PUBLIC_GIT_HOSTS))
    """Allowed sources: a public host name (https only), or `git://HOST:PORT` / `https://HOST:PORT` for one inside."""

    interpreters: list[Path] = []
    """Python interpreters for sites; empty: those found in the usual places that every user can run."""
    index_url: str | None = None
    """Package index for sites' dependencies; None: the installer's default."""

    unix_user_prefix: str = ""
    """Put before a project's sysid to name its Unix user (several stacks on one machine)."""

    nginx: str = "nginx"
    """nginx's program, by path or name."""
    app_ports: tuple[int, int] = (21000, 21999)
    """First and last port of app instances on an appserver."""
    proxy_port: int = 80
    """Where a proxy tells sites apart by host name."""
    proxy_status_port: int = 8089
    """Where a proxy's nginx tells its generation, on 127.0.0.1."""
    site_ports: tuple[int, int] | None = None
    """Local stacks: a port per site on 127.0.0.1 is taken from this range."""
    proxy_user: str | None = None
    """Unix user of nginx's workers where nginx is started by root."""
    supervisor_socket: Path | None = None
    """Unix socket of an appserver's supervisord; None: `<server_dir>/supervisor/supervisor.sock`."""
    port_base: int | None = None
    """First of the 2000 ports of a local stack; None: a free block is chosen once."""
    external: list[str] = []
    """Settings of a local stack that a person gave; the stack starts no server of its own for them."""
    platform_domain: str = "localhost"
    """Every project has the host name `<project>.<platform_domain>`."""
    database_prefix: str = ""
    """Put before a project's sysid to name its database and user (several stacks on one database server)."""

    worker_type: Literal["warm", "process"] = "warm"
    """How workers start flow runs: forked from a warm process, or each in a fresh one as Prefect's own worker does."""
    prefect_api_url: str | None = None
    prefect_ui_url: str | None = None
    prefect_auth_string: SecretStr | None = None

    versions_kept: int = 2
    """Versions whose app instances stay warm for rollback, the serving one included."""
    bundles_kept: int = Field(default=10, ge=1)
    """Published versions of a project that can be served again; the bundles of older ones are deleted."""
    build_timeout: int = 900
    """Seconds that one command of a build may take (Read the Docs allows the same)."""
    health_timeout: int = 60
    """Seconds that an app instance has to become healthy."""
    form_timeout: int = 172_800
    """Seconds that the verification form of a launch waits for its answer."""
    max_repo_mb: int = 500
    max_repo_files: int = 50_000

    @property
    def key_file(self) -> Path:
        """The file of the keys that encrypt secrets in zoomdb."""
        return self.encryption_key_file or self.state_dir / "keys" / "zoomdb.key"

    def server_dir(self, server_id: str) -> Path:
        """The folder of everything that server `server_id` keeps."""
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
        """Read `<state_dir>/settings.json` below the environment."""
        state_dir = Path(os.environ.get("DZ_STATE_DIR", PROJECT_ROOT / ".dz"))
        return init_settings, env_settings, JsonConfigSettingsSource(settings_cls, state_dir / "settings.json")


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read once; `settings.cache_clear()` reads them anew."""
    return Settings()
