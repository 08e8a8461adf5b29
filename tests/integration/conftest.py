"""Services and places that tests of several rooms use: app instances, nginx, builds, bundle stores, git."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from dz.adapters import interpreters, users
from dz.adapters.bundle_store import DirectoryBundleStore
from dz.adapters.sandbox import UserSandbox
from dz.adapters.supervisor import Supervisor
from dz.adapters.users import ensure_user
from tests.integration.django_projects import USER
from tests.integration.nginx import running_nginx
from tests.integration.rclone import BUCKET, RcloneS3, s3_store
from tests.integration.repositories import git, serving
from tests.supervisors import running_supervisor


@pytest.fixture(scope="session")
def room():
    folder = Path(tempfile.mkdtemp(prefix="dza", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def supervisor(room):
    found = Supervisor(room / "supervisor", room / "s")
    process = running_supervisor(found)
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


@pytest.fixture(scope="session")
def build_server():
    """Not pytest's own folder: that one is closed to other users by each run of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="dz-builds-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def open_folder(build_server):
    """A folder of the test's own that every user can enter."""
    folder = Path(tempfile.mkdtemp(dir=build_server))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def sandbox(build_server):
    return UserSandbox(user=USER, home=users.owned(build_server / "home", USER))


@pytest.fixture(scope="session")
def python():
    return interpreters.available()[0]


@pytest.fixture(scope="module")
def rclone(tmp_path_factory):
    server = RcloneS3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["s3", "directory"])
def store_and_folder(request, tmp_path):
    """A store, and the folder where its objects lie as files."""
    if request.param == "directory":
        return DirectoryBundleStore(tmp_path / "store"), tmp_path / "store"
    server = request.getfixturevalue("rclone")
    shutil.rmtree(server.folder / BUCKET, ignore_errors=True)
    return s3_store(server), server.folder / BUCKET


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A folder whose repositories a real git daemon serves, and the address of that."""
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def repository(served):
    """An empty repository, and its URL."""
    base, address = served
    folder = base / secrets.token_hex(8)
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder, f"{address}/{folder.name}"
