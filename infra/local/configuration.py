"""The settings and programs of a local stack, as values."""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import make_url

from dz.adapters import users
from dz.adapters.nginx import Limits, Nginx
from dz.adapters.supervisor import Supervisor as AppSupervisor
from dz.errors import StackProblem
from dz.settings import PROJECT_ROOT, PUBLIC_GIT_HOSTS, Role, Settings
from infra.local import git_daemon, keys, postgres, prefect_server, s3
from infra.local.layout import Layout
from infra.local.nginx import nginx_binary
from infra.local.ports import Ports
from infra.local.postgres import Cluster
from infra.local.prefect_server import Retention
from infra.local.programs import Program, search_path

WEB_USER = "djangozoom-web"
"""The Unix user of nginx's workers where the stack runs as root."""
REPLACEABLE = ("zoomdb_url", "sites_database_url", "s3_endpoint", "nginx", "prefect_api_url", "bundle_store")
"""Settings that replace a server of the stack by an external one."""


@dataclass(frozen=True)
class Configuration:
    """Everything that is decided before anything is started.

    Args:
        given: the settings as they are without this stack's choices.
        named: those that a person gave `dz up`, now or before.
        external: those of REPLACEABLE that name an external server.
        appservers, proxies: how many servers of these roles.
        code: fingerprint of the checkout; a worker with another one is restarted.
    """

    layout: Layout
    ports: Ports
    given: Settings
    named: frozenset[str]
    external: frozenset[str]
    appservers: int
    proxies: int
    code: str

    def cluster(self, name: str) -> Cluster:
        """Return the cluster `platform` or `sites`."""
        ports = {"platform": self.ports.postgres_platform, "sites": self.ports.postgres_sites}
        return Cluster(
            name=name,
            folder=self.layout.state / "postgres",
            port=ports[name],
            sockets=self.layout.run / name,
            password_file=self.layout.keys / f"postgres-{name}.password",
            user=postgres.SERVICE_USER if os.geteuid() == 0 else None,
            for_sites=name == "sites",
        )

    def secret(self, name: str) -> str:
        """Return a secret of this stack."""
        return keys.secret(self.layout.keys / name)

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters that the stack runs itself."""
        needed = {"platform": {"zoomdb_url", "prefect_api_url"}, "sites": {"sites_database_url"}}
        return [self.cluster(name) for name, settings in needed.items() if not settings <= self.external]

    @property
    def own_s3(self) -> bool:
        """Whether the stack runs its own S3 server."""
        return "s3_endpoint" not in self.external and self.given.bundle_store == "s3"

    @property
    def tls(self) -> tuple[Path, Path]:
        """Certificate and key of the stack's own servers that speak TLS."""
        return self.layout.keys / "services.pem", self.layout.keys / "services.key"

    @property
    def api_certificate(self) -> str | None:
        """The file of the only certificate that clients of Prefect's API trust; None: those of the system."""
        if "prefect_api_url" not in self.external:
            return str(self.tls[0])
        return str(self.given.prefect_certificate) if self.given.prefect_certificate else None

    @property
    def api_url(self) -> str:
        """The address of Prefect's API."""
        outside = self.given.prefect_api_url if "prefect_api_url" in self.external else None
        return outside or f"https://127.0.0.1:{self.ports.prefect_api}/api"

    @property
    def ui_url(self) -> str:
        """The address of Prefect's UI."""
        asked = {"prefect_api_url", "prefect_ui_url"} & (self.external | self.named)
        return (self.given.prefect_ui_url if asked else None) or f"http://127.0.0.1:{self.ports.prefect}"

    @property
    def auth_string(self) -> str | None:
        """The `user:password` that clients of Prefect send."""
        if "prefect_api_url" in self.external or "prefect_auth_string" in self.named:
            return self.given.prefect_auth_string.get_secret_value() if self.given.prefect_auth_string else None
        return f"dz:{self.secret('prefect.password')}"

    def settings(self) -> dict[str, Any]:
        """Return what `settings.json` says."""
        hosts = self.given.git_hosts if "git_hosts" in self.named else PUBLIC_GIT_HOSTS
        found: dict[str, Any] = {
            **{name: _plain(getattr(self.given, name)) for name in sorted(self.named)},
            "given": sorted(self.named),
            "external": sorted(self.external),
            "git_hosts": list(dict.fromkeys([*hosts, self.git_host])),
            "prefect_api_url": self.api_url,
            "prefect_ui_url": self.ui_url,
            "prefect_auth_string": self.auth_string,
            "prefect_certificate": self.api_certificate,
            "database_prefix": self._prefix_of_databases(),
            "worker_type": self.given.worker_type,
            "nginx": str(nginx_binary(self.given.nginx if "nginx" in self.external else None)),
            "unix_user_prefix": self.given.unix_user_prefix
            or (f"z{self.layout.name[:4]}-" if os.geteuid() == 0 else ""),
            **self.server_settings(1),
        }
        found["zoomdb_url"] = (
            self.given.zoomdb_url.get_secret_value()
            if "zoomdb_url" in self.external
            else self.cluster("platform").url("zoomdb", user="zoomdb", password=self.secret("zoomdb.password"))
        )
        found["sites_database_url"] = (
            self.given.sites_database_url.get_secret_value()
            if "sites_database_url" in self.external
            else self.cluster("sites").url()
        )
        return found | self._store()

    def _prefix_of_databases(self) -> str:
        if "database_prefix" in self.named:
            return self.given.database_prefix
        return f"z{self.layout.name[:4]}_" if "sites_database_url" in self.external else ""

    def _store(self) -> dict[str, Any]:
        here = self.given
        found: dict[str, Any] = {
            "bundle_store": here.bundle_store,
            "s3_bucket": here.s3_bucket,
            "s3_region": here.s3_region,
        }
        if self.own_s3:
            found["s3_endpoint"], found["s3_certificate"] = f"https://127.0.0.1:{self.ports.s3}", str(self.tls[0])
            found["s3_access_key"], found["s3_secret_key"] = self._store_keys()
        else:
            found["s3_endpoint"], found["s3_access_key"] = here.s3_endpoint, here.s3_access_key
            found["s3_secret_key"] = here.s3_secret_key.get_secret_value() if here.s3_secret_key else None
            found["s3_certificate"] = str(here.s3_certificate) if here.s3_certificate else None
            found["bundle_directory"] = str(here.bundle_directory) if here.bundle_directory else None
        return found

    def _store_keys(self) -> tuple[str, str]:
        """Return the keys of the stack's own S3 server."""
        access = self.given.s3_access_key if "s3_access_key" in self.named else None
        secret = self.given.s3_secret_key if "s3_secret_key" in self.named else None
        return (
            access or self.secret("s3.access")[:20],
            secret.get_secret_value() if secret else self.secret("s3.secret"),
        )

    @property
    def key_file(self) -> Path:
        """The file with the keys that encrypt secrets in zoomdb."""
        return self.given.encryption_key_file or self.layout.keys / "zoomdb.key"

    @property
    def git_host(self) -> str:
        """The stack's own git server, as an allowed source."""
        return f"git://127.0.0.1:{self.ports.git}"

    def server_settings(self, number: int) -> dict[str, Any]:
        """Return what differs between servers of this machine, for server `number` of its role."""
        here, named = self.given, self.named
        user = WEB_USER if os.geteuid() == 0 else None
        return {
            "app_ports": _share(here.app_ports, number, self.appservers)
            if "app_ports" in named
            else self.ports.apps(number),
            "site_ports": _share(here.site_ports, number, self.proxies)
            if "site_ports" in named and here.site_ports
            else self.ports.sites(number),
            "proxy_port": here.proxy_port + number - 1 if "proxy_port" in named else self.ports.proxy(number),
            "proxy_status_port": here.proxy_status_port + number - 1
            if "proxy_status_port" in named
            else self.ports.proxy_status(number),
            "proxy_user": (here.proxy_user if "proxy_user" in named else None) or user,
            "supervisor_socket": str(self.layout.run / f"appserver-{number}" / "supervisor.sock"),
        }

    def services(self) -> list[Program]:
        """Return the programs that need nothing but their own data to start."""
        found = [cluster.program for cluster in self.clusters]
        if self.own_s3:
            access, secret = self._store_keys()
            folder = self.layout.state / "s3"
            found.append(
                s3.program(folder=folder, port=self.ports.s3, tls=self.tls, access_key=access, secret_key=secret)
            )
        return [*found, git_daemon.program(folder=self.layout.git, port=self.ports.git)]

    def prefect(self) -> list[Program]:
        """Return Prefect's server, if it is the stack's own."""
        if "prefect_api_url" in self.external:
            return []
        url = self.cluster("platform").url("prefect", user="prefect", password=self.secret("prefect-database.password"))
        url = make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        home = self.layout.state / "prefect" / "server"
        auth = self.auth_string or ""
        here = self.given
        retention = Retention(here.runs_kept_days, here.events_kept_days, here.vacuum_seconds)
        ports = self.ports.prefect, self.ports.prefect_api
        server = prefect_server.program(
            home=home, ports=ports, tls=self.tls, database_url=url, auth_string=auth, retention=retention
        )
        return [prefect_server.kept_ports(folder=self.layout.state, ports=ports), server]

    def prefect_environment(self) -> dict[str, str]:
        """Return the environment of Prefect's clients."""
        home = self.layout.state / "prefect"
        return prefect_server.client_environment(
            home=home,
            api_url=self.api_url,
            ui_url=self.ui_url,
            auth_string=self.auth_string,
            certificate=self.api_certificate,
        )

    def front(self) -> list[Program]:
        """Return nginx of each proxy and the supervisor of each appserver, with their files written."""
        return [
            *(self._proxy(number) for number in range(1, self.proxies + 1)),
            *(self._appserver(number) for number in range(1, self.appservers + 1)),
        ]

    def workers(self) -> list[Program]:
        """Return the worker of every server."""
        counts: dict[Role, int] = {"build": 1, "database": 1, "appserver": self.appservers, "proxy": self.proxies}
        return [self._worker(role, number) for role, count in counts.items() for number in range(1, count + 1)]

    def nginx(self, number: int) -> Nginx:
        """Return the nginx of proxy `number`."""
        own = self.server_settings(number)
        return Nginx(
            nginx_binary(self.given.nginx if "nginx" in self.external else None),
            self.layout.state / "servers" / f"proxy-{number}",
            port=own["proxy_port"],
            status_port=own["proxy_status_port"],
            user=own["proxy_user"],
            addresses=self.given.proxy_addresses,
            trusted_proxies=self.given.trusted_proxies,
            limits=Limits(self.given.site_connections, self.given.visitor_connections, self.given.visitor_requests),
        )

    def app_supervisor(self, number: int) -> AppSupervisor:
        """Return the supervisord of the app instances of appserver `number`."""
        folder = self.layout.state / "servers" / f"appserver-{number}" / "supervisor"
        return AppSupervisor(folder, Path(self.server_settings(number)["supervisor_socket"]))

    def _proxy(self, number: int) -> Program:
        nginx = self.nginx(number)
        if nginx.user == WEB_USER:
            users.ensure_user(nginx.user)
        nginx.folder.mkdir(parents=True, exist_ok=True)
        nginx.write_main()
        return Program(
            f"nginx-{number}",
            tuple(nginx.command),
            nginx.folder,
            # A changed configuration restarts it: with other addresses a reload would find its own port taken.
            env={"DZ_CONFIGURATION": nginx.main_digest()},
            port=nginx.port,
            stop_signal="QUIT",
            whole_group=False,
            children_in=nginx.folder,
            drains=True,
        )

    def _appserver(self, number: int) -> Program:
        apps = self.app_supervisor(number)
        apps.folder.mkdir(parents=True, exist_ok=True)
        return Program(f"apps-{number}", tuple(apps.argv()), apps.folder, stop_seconds=40)

    def _worker(self, role: Role, number: int) -> Program:
        server = f"{role}-{number}"
        own = {
            f"DZ_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.server_settings(number).items()
            if value is not None
        }
        return Program(
            name=f"worker-{server}",
            argv=(sys.executable, "-m", "dz.worker", "--role", role, "--server", server),
            cwd=PROJECT_ROOT,
            env=own
            | self.prefect_environment()
            | {
                "DZ_STATE_DIR": str(self.layout.state),
                "DZ_ROLE": role,
                "DZ_SERVER_ID": server,
                # Changed settings restart a worker, which reads them once.
                "DZ_CONFIGURATION": hashlib.sha256(json.dumps(self.settings()).encode()).hexdigest()[:16],
                # A warm worker notices changed code itself; a process worker is restarted because this changes.
                **({"DZ_CODE": self.code} if self.given.worker_type == "process" else {}),
                "PATH": search_path(),
                "PYTHONPATH": str(PROJECT_ROOT),
            },
            stop_seconds=20,
            whole_group=True,
        )


def _plain(value: Any) -> Any:
    """Return the value of a setting as `settings.json` holds it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _share(ports: tuple[int, int], number: int, servers: int) -> tuple[int, int]:
    """Return the part of a range of ports that server `number` of several gets."""
    size = (ports[1] - ports[0] + 1) // servers
    if size < 1:
        raise StackProblem(
            f"The ports {ports[0]} to {ports[1]} are too few for {servers} servers.",
            "Give a wider range, or fewer servers.",
        )
    first = ports[0] + (number - 1) * size
    return first, first + size - 1
