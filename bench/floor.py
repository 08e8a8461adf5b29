"""Runs `floor.sh` with services of its own: PostgreSQL, an S3 server and nginx, the same programs as the stack's."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import uv

from bench.services import S3_KEYS, Services
from dz.adapters import interpreters
from dz.errors import CommandFailed, ServiceUnavailable, StackProblem
from infra.local.nginx import nginx_binary
from infra.local.postgres import Cluster
from infra.local.programs import PASSED_ON

SCRIPT = Path(__file__).parent / "floor.sh"
NEEDED = ("tar", "zstd", "curl", "git", "psql", "rclone", "setpriv")
DEPLOY_SECONDS = 900
_NGINX = """\
{user}worker_processes 2;
daemon off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    types {{ text/html html; text/css css; image/svg+xml svg; }}
    access_log off;
    sendfile on;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    uwsgi_temp_path tmp;
    scgi_temp_path tmp;
    server {{ listen 127.0.0.1:{port} default_server; return 444; }}
    include sites/*.conf;
}}
"""


@dataclass
class Floor:
    """The script's side of a comparison.

    Args:
        folder: holds everything of the script; on the same disk as the stack's state.
    """

    folder: Path
    web_port: int = 0
    _environment: dict[str, str] = field(default_factory=dict)
    _site_ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is started yet."""
        self._services = Services(self.folder)

    def clear(self) -> None:
        """End and delete the leftovers of a killed comparison, and recreate the folder."""
        self._services.clear()

    def start(self) -> None:
        """Start the services and wait until they answer."""
        missing = [name for name in NEEDED if not self._services.program(name)]
        if missing:
            raise StackProblem(f"floor.sh needs {', '.join(missing)}.", "Install it (Debian: apt install zstd curl).")
        for name in ("nginx/sites", "nginx/tmp", "sites", "build", "s3"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        cluster = self._services.postgres("floor")
        store = self._services.s3("floor")
        self._start_nginx()
        self._environment = self._variables(cluster, store, _python())

    @property
    def cache(self) -> Path:
        """The script's package cache."""
        return self.folder / "uv-cache"

    def empty_cache(self) -> None:
        """Forget every package."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def deploy(self, name: str, url: str, variant: str) -> dict[str, float]:
        """Run the script once and return the seconds of each step; `variant` is plain or smart."""
        port = self._site_ports.get(name) or self._services.port()
        self._site_ports[name] = port
        done = self._run(["deploy", name, url], {"FLOOR_VARIANT": variant, "FLOOR_APP_PORT": str(port)})
        rows = (line.split("\t") for line in done.splitlines() if "\t" in line)
        return {step: int(milliseconds) / 1000 for step, milliseconds in rows}

    def drop(self, name: str) -> None:
        """Forget a site."""
        self._run(["drop", name], {"FLOOR_VARIANT": "plain"})

    def stop(self) -> None:
        """End every site and service, and delete their data."""
        for site in self._site_ports:
            with contextlib.suppress(CommandFailed):
                self.drop(site)
        self._services.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _variables(self, cluster: Cluster, store: str, python: Path) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "PATH": self._services.path,
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "FLOOR_ROOT": str(self.folder),
            "DZ_STACK": self._services.stack,
            "FLOOR_UV": uv.find_uv_bin(),
            "FLOOR_PYTHON": str(python),
            "FLOOR_USER_PREFIX": f"f{self._services.mark}-",
            "FLOOR_RCLONE": str(self._services.program("rclone")),
            "FLOOR_NGINX": str(nginx_binary(None)),
            "FLOOR_WEB_PORT": str(self.web_port),
            "UV_CACHE_DIR": str(self.cache),
            "UV_SYSTEM_CERTS": "1",
            "UV_LINK_MODE": "hardlink",
            "UV_PYTHON_DOWNLOADS": "never",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(cluster.port),
            "PGUSER": "postgres",
            "PGPASSWORD": cluster.password_file.read_text().strip(),
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_S3_TYPE": "s3",
            "RCLONE_CONFIG_S3_PROVIDER": "Other",
            "RCLONE_CONFIG_S3_ENDPOINT": store,
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
            "RCLONE_CONFIG_S3_ACCESS_KEY_ID": S3_KEYS["access_key"],
            "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": S3_KEYS["secret_key"],
        }

    def _run(self, arguments: list[str], more: dict[str, str]) -> str:
        log = self.folder / f"{arguments[1]}.log"
        with log.open("wb") as errors:
            done = subprocess.run(
                [str(SCRIPT), *arguments],
                env=self._environment | more,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=DEPLOY_SECONDS,
                check=False,
            )
        if done.returncode != 0:
            raise CommandFailed(f"floor.sh {arguments[0]} failed: {log.read_text()[-800:]}", "Correct the cause.")
        return done.stdout.decode()

    def _start_nginx(self) -> None:
        self.web_port = self._services.port()
        folder, user = self.folder / "nginx", self._services.web_user()
        (folder / "nginx.conf").write_text(_NGINX.format(user=f"user {user};\n" if user else "", port=self.web_port))
        self._services.launch(
            "nginx", (str(nginx_binary(None)), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"), folder
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.web_port), timeout=1):
                return
            time.sleep(0.05)
        raise ServiceUnavailable("The script's nginx does not start.", f"Read {folder}/error.log.")


def _python() -> Path:
    """Return the same interpreter that sites of the stack get."""
    found = next((one.path for one in interpreters.available() if one.minor == "3.11"), None)
    if found is None:
        raise StackProblem("floor.sh needs a Python 3.11 that every user can run.", "Install python3.11.")
    return found
