"""Runs `floor.sh` with services of its own: PostgreSQL, an S3 server and nginx, the same programs as the stack's."""

import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uv

from dz.adapters import interpreters, users
from dz.errors import CommandFailed, ServiceUnavailable, StackProblem
from infra.local import postgres, s3
from infra.local.nginx import nginx_binary
from infra.local.postgres import Cluster
from infra.local.programs import PASSED_ON, Program, search_path

SCRIPT = Path(__file__).parent / "floor.sh"
DEPLOY_SECONDS = 900
_WEB_USER = "dzfloor-web"
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
        folder: everything of it; on the same disk as the stack's state.
    """

    folder: Path
    web_port: int = 0
    _mark: str = field(init=False)
    _ports: Iterator[int] = field(init=False)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _environment: dict[str, str] = field(default_factory=dict)
    _site_ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take ports and names of Unix users that another comparison on this machine does not have."""
        self._mark = hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]
        self._ports = iter(_free_ports(self._mark, 40))

    def start(self) -> None:
        """Start the services and wait until they answer."""
        missing = [
            name for name in ("tar", "zstd", "curl", "psql", "setpriv") if not shutil.which(name, path=self._path)
        ]
        if missing:
            raise StackProblem(f"floor.sh needs {', '.join(missing)}.", "Install it (Debian: apt install zstd curl).")
        for name in ("nginx/sites", "nginx/tmp", "sites", "build", "run", "s3", "keys"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        cluster = self._start_postgres()
        store_port = self._start_s3()
        self._start_nginx()
        self._environment = self._variables(cluster, store_port, _python())

    @property
    def cache(self) -> Path:
        """The script's package cache."""
        return self.folder / "uv-cache"

    def empty_cache(self) -> None:
        """Forget every package."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def deploy(self, name: str, url: str, variant: str) -> dict[str, float]:
        """Run the script once and return the seconds of each step; `variant` is plain or smart."""
        port = self._site_ports.get(name) or next(self._ports)
        self._site_ports[name] = port
        done = self._run(["deploy", name, url], {"FLOOR_VARIANT": variant, "FLOOR_APP_PORT": str(port)})
        rows = (line.split("\t") for line in done.splitlines() if "\t" in line)
        return {step: int(milliseconds) / 1000 for step, milliseconds in rows}

    def drop(self, name: str) -> None:
        """Forget a site."""
        self._run(["drop", name], {"FLOOR_VARIANT": "plain"})

    def stop(self) -> None:
        """End every site and service, and delete all they kept."""
        for site in self._site_ports:
            with contextlib.suppress(CommandFailed):
                self.drop(site)
        for process in reversed(self._running):
            _end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _variables(self, cluster: Cluster, store_port: int, python: Path) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "PATH": self._path,
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "FLOOR_ROOT": str(self.folder),
            "FLOOR_UV": uv.find_uv_bin(),
            "FLOOR_PYTHON": str(python),
            "FLOOR_USER_PREFIX": f"f{self._mark}-",
            "FLOOR_RCLONE": self._program("rclone"),
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
            "RCLONE_CONFIG_S3_ENDPOINT": f"http://127.0.0.1:{store_port}",
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
            "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "floorkey",
            "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": "floorsecret",
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

    @property
    def _path(self) -> str:
        return os.pathsep.join([str(postgres.binary("psql").parent), search_path()])

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=self._path)
        if found is None:
            raise StackProblem(f"{name} was not found.", "Use `bin/dz bench`, whose environment has it.")
        return found

    def _start_postgres(self) -> Cluster:
        port, run = next(self._ports), self.folder / "run"
        key = self.folder / "keys" / "postgres"
        cluster = Cluster("floor", self.folder, port, run, key, postgres.service_user())
        cluster.initialise()
        self._launch(cluster.program)
        cluster.wait()
        return cluster

    def _start_s3(self) -> int:
        port = next(self._ports)
        keys = {"access_key": "floorkey", "secret_key": "floorsecret"}
        self._launch(s3.program(folder=self.folder / "s3", port=port, **keys))
        url = f"http://127.0.0.1:{port}"
        s3.ensure_bucket(endpoint=url, region="us-east-1", bucket="floor", timeout=60, **keys)
        return port

    def _start_nginx(self) -> None:
        self.web_port = next(self._ports)
        folder, user = self.folder / "nginx", ""
        if os.geteuid() == 0:
            users.ensure_user(_WEB_USER)
            user = f"user {_WEB_USER};\n"
        (folder / "nginx.conf").write_text(_NGINX.format(user=user, port=self.web_port))
        argv = (str(nginx_binary(None)), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log")
        self._launch(Program("nginx", argv, folder))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.web_port), timeout=1):
                return
            time.sleep(0.05)
        raise ServiceUnavailable("The script's nginx does not start.", f"Read {folder}/error.log.")

    def _launch(self, program: Program) -> None:
        log = self.folder / f"{program.name}.log"
        environment = {"PATH": self._path, "LANG": "C.UTF-8", "HOME": str(self.folder), **program.env}
        with log.open("wb") as output:
            process = subprocess.Popen(
                program.argv,
                cwd=program.cwd,
                env=environment,
                user=program.user,
                group=program.user,
                extra_groups=[] if program.user else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a service to end as PostgreSQL and nginx like it, then make it end."""
    for number, patience in ((signal.SIGINT, 15), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _python() -> Path:
    """Return the interpreter that sites of the stack get, too."""
    found = next((one.path for one in interpreters.available() if one.minor == "3.11"), None)
    if found is None:
        raise StackProblem("floor.sh needs a Python 3.11 that every user can run.", "Install python3.11.")
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _free_ports(mark: str, count: int) -> list[int]:
    """Return even ports that nobody listens on, so that each has a neighbour; others for each mark."""
    start = int(mark, 16) % 2500
    wanted = [4000 + 2 * ((start + number) % 2500) for number in range(2500)]
    return list(itertools.islice((port for port in wanted if _is_free(port) and _is_free(port + 1)), count))
