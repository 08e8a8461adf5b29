"""A Docker engine for tests: Debian's, unpacked instead of installed, so that no service of this machine begins."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

_PACKAGES = ("docker.io", "containerd", "runc", "tini", "libdevmapper1.02.1")
_UNPACKED = Path("/var/cache/djangozoom-tests/docker")
_SECONDS = 60


@contextlib.contextmanager
def running_engine() -> Iterator[Path]:
    """Run an engine that shares neither network nor folders with another one of this machine; yield its socket."""
    if os.geteuid() != 0:
        pytest.skip("a Docker engine needs root")
    folder = Path(tempfile.mkdtemp(prefix="dzd", dir="/tmp"))
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "host": "socket"}
    words = [f"--{name}={'unix://' if name == 'host' else ''}{folder / place}" for name, place in places.items()]
    # Rules for forwarding would stay when it ends, and would hold for the whole machine.
    words += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--net", "dockerd", *words], env=_environment(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(process, folder)
        yield folder / "socket"
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS)
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(DockerException):
            docker.DockerClient(f"unix://{folder / 'socket'}").close()
            return
        time.sleep(0.1)
    pytest.skip(f"no Docker engine starts on this machine: {(folder / 'log').read_text(errors='replace')[-1000:]}")


def _environment() -> dict[str, str]:
    """Return the environment in which `dockerd` and its programs are found."""
    usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if shutil.which("dockerd", path=usual):
        return {"PATH": usual}
    if not (_UNPACKED / "usr" / "sbin" / "dockerd").exists():
        _unpack()
    return {
        "PATH": f"{_UNPACKED}/usr/sbin:{_UNPACKED}/usr/bin:{usual}",
        "LD_LIBRARY_PATH": ":".join(str(path) for path in (*_UNPACKED.glob("lib/*"), *_UNPACKED.glob("usr/lib/*"))),
    }


def _unpack() -> None:
    _UNPACKED.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    work = Path(tempfile.mkdtemp(dir=_UNPACKED.parent))
    try:
        said = subprocess.run(
            ["apt-get", "download", "-q", *_PACKAGES],
            cwd=work,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if said.returncode != 0:
            pytest.skip(f"there is no dockerd, and Debian's cannot be had: {said.stderr[-500:]}")
        for package in work.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, work / "root"], check=True)
        with contextlib.suppress(OSError):  # another run of the tests was faster
            (work / "root").rename(_UNPACKED)
    finally:
        shutil.rmtree(work)
