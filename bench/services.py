"""PostgreSQL, an S3 server and nginx beside the stack's: the same programs, in a folder of their own."""

import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from dz.adapters import users
from infra.local import leftovers, postgres, s3
from infra.local.postgres import Cluster
from infra.local.programs import Program, search_path

S3_KEYS = {"access_key": "floorkey", "secret_key": "floorsecret"}
_WEB_USER = "dzfloor-web"


class Services:
    """Programs that run as long as a measurement.

    Args:
        folder: holds everything they keep.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = hashlib.sha256(str(folder).encode()).hexdigest()[:6]
        """Six digits that tell this measurement from another one on this machine."""
        self._ports = _free_ports(self.mark)
        self._running: list[subprocess.Popen[bytes]] = []

    def clear(self) -> None:
        """End and delete the leftovers of a killed measurement in this folder, and recreate the folder."""
        leftovers.end(leftovers.find(stack=self.stack, state=self.folder))
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o711, parents=True)

    @property
    def stack(self) -> str:
        """The mark that every program of this measurement carries in its environment."""
        return f"bench-{self.mark}"

    @property
    def path(self) -> str:
        """PATH of the programs: that of the stack, and PostgreSQL's own."""
        return os.pathsep.join([str(postgres.binary("psql").parent), search_path()])

    def program(self, name: str) -> str | None:
        """Return a program's path."""
        return shutil.which(name, path=self.path)

    def port(self) -> int:
        """Return a free port whose successor is free, too."""
        return next(self._ports)

    def web_user(self) -> str | None:
        """Return the Unix user of nginx's workers; None where this process may not change users."""
        if os.geteuid() != 0:
            return None
        users.ensure_user(_WEB_USER)
        return _WEB_USER

    def postgres(self, name: str) -> Cluster:
        """Make and start a PostgreSQL server, and wait until it answers."""
        for folder in ("run", "keys"):
            (self.folder / folder).mkdir(exist_ok=True)
        key = self.folder / "keys" / "postgres"
        cluster = Cluster(name, self.folder, self.port(), self.folder / "run", key, postgres.service_user())
        cluster.initialise()
        self._launch(cluster.program)
        cluster.wait()
        return cluster

    def s3(self, bucket: str) -> str:
        """Start an S3 server with a bucket, and return its URL."""
        port = self.port()
        self._launch(s3.program(folder=self.folder / "s3", port=port, tls=None, **S3_KEYS))
        url = f"http://127.0.0.1:{port}"
        s3.ensure_bucket(endpoint=url, region="us-east-1", bucket=bucket, timeout=60, **S3_KEYS)
        return url

    def launch(self, name: str, argv: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
        """Start a program in `folder`."""
        return self._launch(Program(name, tuple(argv), folder))

    def stop(self) -> None:
        """End every program."""
        for process in reversed(self._running):
            _end(process)

    def _launch(self, program: Program) -> "subprocess.Popen[bytes]":
        here = {"PATH": self.path, "LANG": "C.UTF-8", "HOME": str(self.folder), "DZ_STACK": self.stack}
        environment = {**here, **program.env}
        with (self.folder / f"{program.name}.log").open("wb") as log:
            process = subprocess.Popen(
                program.argv,
                cwd=program.cwd,
                env=environment,
                user=program.user,
                group=program.user,
                extra_groups=[] if program.user else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)
        return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program by SIGINT, PostgreSQL's fast shutdown; if that does not help, by SIGTERM, then by SIGKILL."""
    for number, patience in ((signal.SIGINT, 15), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _free_ports(mark: str) -> Iterator[int]:
    start = int(mark, 16) % 2500
    wanted = (4000 + 2 * ((start + number) % 2500) for number in itertools.count())
    return (port for port in wanted if _is_free(port) and _is_free(port + 1))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
