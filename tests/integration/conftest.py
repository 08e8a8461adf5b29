"""A place for app instances, their supervisord, and a Unix user for them."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from dz.adapters.supervisor import Supervisor
from dz.adapters.users import ensure_user
from tests.integration.nginx import running_nginx


@pytest.fixture(scope="session")
def room():
    folder = Path(tempfile.mkdtemp(prefix="dza", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def supervisor(room):
    found = Supervisor(room / "supervisor", room / "s")
    process = found.ensure_running()
    yield found
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="session")
def user():
    if os.geteuid() != 0:
        yield None
        return
    name = f"dzt-{secrets.token_hex(4)}"
    assert ensure_user(name) == ensure_user(name)
    yield name
    subprocess.run(["/usr/sbin/userdel", name], check=True)


@pytest.fixture
def nginx():
    with running_nginx() as found:
        yield found
