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
from tests.supervisors import running_supervisor


@pytest.fixture(scope="module")
def room():
    folder = Path(tempfile.mkdtemp(prefix="dza", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def supervisor(room):
    found = Supervisor(room / "supervisor", room / "s")
    process = running_supervisor(found)
    yield found
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def user():
    if os.geteuid() != 0:
        yield None
        return
    name = f"dzt-{secrets.token_hex(4)}"
    assert ensure_user(name) == ensure_user(name)
    yield name
    subprocess.run(["/usr/sbin/userdel", name], check=True)
