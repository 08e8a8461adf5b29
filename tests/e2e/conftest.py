"""One stack with workers of all roles, two appservers and two proxies, driven through `bin/dz`."""

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from dz.zoomdb import Zoomdb

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stack:
    state: Path

    def run(self, *words: str, **given: str) -> "subprocess.CompletedProcess[str]":
        """Run `dz` with words; `given` are settings, as a person gives them."""
        env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "DZ_STATE_DIR": str(self.state), **given}
        if (Path(sys.prefix) / "ready").exists():
            env["DZ_ENV_DIR"] = str(Path(sys.prefix).parent)
        argv = [str(ROOT / "bin" / "dz"), *words]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd="/", timeout=280)

    def json(self, *words: str, **given: str) -> Any:
        done = self.run(*words, "--json", **given)
        assert done.returncode == 0, f"dz {' '.join(words)}: {done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        return json.loads(done.stdout)

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "settings.json").read_text())
        return found

    @property
    def zoomdb(self) -> Zoomdb:
        return Zoomdb(self.settings["zoomdb_url"], self.state / "keys" / "zoomdb.key")

    def prefect(self) -> httpx.Client:
        user, _, word = self.settings["prefect_auth_string"].partition(":")
        verify = ssl.create_default_context(cafile=self.settings["prefect_certificate"])
        url = self.settings["prefect_api_url"]
        return httpx.Client(base_url=url, auth=(user, word), trust_env=False, timeout=30, verify=verify)

    def processes(self) -> list[str]:
        """Every process that runs in the stack's folder, from it, or with it in its environment or arguments."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                signs = [process.exe(), process.cwd(), *process.cmdline(), *process.environ().values()]
                if any(str(self.state) in sign for sign in signs) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.cmdline())}"[:200])
        return found

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Everything of one kind that Prefect holds."""
        found: list[dict[str, Any]] = []
        with self.prefect() as client:
            while True:
                page = client.post(f"/{kind}/filter", json={"limit": 200, "offset": len(found)})
                page.raise_for_status()
                found += page.json()
                if len(page.json()) < 200:
                    return found


@contextlib.contextmanager
def running_stack(prefix: str, **given: str) -> Iterator[Stack]:
    """Start a stack in a folder of its own, and see that nothing of it is left when it has been stopped.

    Args:
        given: settings for `dz up`.
    """
    # Users of services and projects must reach it, which they could not in pytest's own folder.
    state = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    state.chmod(0o711)
    found = Stack(state)
    try:
        found.json("up", "--appservers", "2", "--proxies", "2", **given)
        yield found
    finally:
        found.run("down")
        left = found.processes()
        shutil.rmtree(state, ignore_errors=True)
    assert left == []


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with running_stack("dz-e2e-") as found:
        yield found
