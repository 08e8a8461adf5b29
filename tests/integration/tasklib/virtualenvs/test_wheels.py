"""Wheels that projects share, with the real installer and the real index."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dz.adapters import interpreters, users
from dz.adapters.installer import UvInstaller
from dz.adapters.sandbox import UserSandbox
from dz.tasklib.virtualenvs import bytecode
from dz.tasklib.virtualenvs.requirements import Requirements
from dz.tasklib.virtualenvs.wheels import PackageCache


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """Not pytest's own folder, which is closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="dz-packages-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def packages(server: Path) -> Iterator[PackageCache]:
    user = f"dzt-{secrets.token_hex(4)}" if os.geteuid() == 0 else None
    if user:
        users.ensure_user(user)
    folder = server / "packages"
    folder.mkdir()
    yield PackageCache(folder, UserSandbox(user=user, home=users.owned(folder / "home", user)))
    if user:
        subprocess.run(["/usr/sbin/userdel", user], check=True)


def _install(
    packages: PackageCache, target: Path, *lines: str, said: list[str] | None = None, bytecode: bool = False
) -> bool:
    return packages.install(
        Requirements(lines=list(lines)),
        target,
        interpreter=interpreters.available()[0],
        installer=UvInstaller(),
        bytecode=bytecode,
        on_line=None if said is None else said.append,
    )


def test_two_projects_share_the_files_of_a_wheel_and_can_change_neither(packages: PackageCache, server: Path) -> None:
    modules = []
    for name in ("one", "two"):
        assert _install(packages, server / name, "six==1.17.0")
        modules.append(next((server / name).glob("lib/python*/site-packages/six.py")))
    first, second = (module.stat() for module in modules)
    assert first.st_ino == second.st_ino
    assert first.st_mode & 0o022 == 0
    if packages.sandbox.user:
        assert first.st_uid == pwd.getpwnam(packages.sandbox.user).pw_uid
    assert not list(packages.folder.glob("new-*"))


def test_a_wheel_is_compiled_once_and_its_bytecode_is_shared(packages: PackageCache, server: Path) -> None:
    inodes = []
    for name in ("compiled-1", "compiled-2"):
        assert _install(
            packages, server / name, "idna==3.10", "six==1.17.0", "jmespath==1.1.0", bytecode=True
        )  # the last has scripts
        [site] = (server / name).glob("lib/python*/site-packages")
        compiled = {path.name.split(".")[0] for path in site.glob("idna/__pycache__/*.pyc")}
        assert compiled == {path.stem for path in site.glob("idna/*.py")}
        [six] = site.glob("__pycache__/six.*.pyc")
        inodes.append(six.stat().st_ino)
        code = "import six, idna; print(six.__cached__); six.reraise(KeyError, KeyError('x'))"
        ran = subprocess.run(
            [server / name / "bin" / "python", "-c", code], capture_output=True, text=True, check=False
        )
        assert str(six) in ran.stdout
        assert f"{server / name}/lib" in ran.stderr  # tracebacks name the environment, not the cache
    assert inodes[0] == inodes[1]


def test_an_environment_of_copies_is_compiled_by_itself_and_no_wheel_counts_as_compiled(
    packages: PackageCache, server: Path
) -> None:
    assert _install(packages, server / "linked", "six==1.17.0")
    copy, done = server / "copied", server / "compiled-nothing"
    shutil.copytree(server / "linked", copy, symlinks=True)
    if packages.sandbox.user:
        subprocess.run(["/bin/chown", "-R", packages.sandbox.user, copy], check=True)
    python = interpreters.available()[0]
    bytecode.link_bytecode(copy, packages.folder / "cache", done, interpreter=python, sandbox=packages.sandbox)
    assert list(copy.glob("lib/python*/site-packages/__pycache__/six.*.pyc"))
    assert list(done.iterdir()) == []


def test_what_must_be_built_is_refused_so_that_no_code_of_it_runs(packages: PackageCache, server: Path) -> None:
    said: list[str] = []
    assert not _install(packages, server / "three", "docopt==0.6.2", said=said)
    assert "built" in said[-1]
    assert not (server / "three").exists()
    assert not list(packages.folder.glob("new-*"))


def test_a_wheel_that_runs_code_when_python_starts_runs_none_as_the_shared_user(
    packages: PackageCache, server: Path
) -> None:
    wheel, planted = server / "mean-1.0-py3-none-any.whl", packages.folder / "cache" / "planted"
    about = "mean-1.0.dist-info"
    files = {
        "mean.pth": f"import pathlib; pathlib.Path({str(planted)!r}).touch()\n",
        "mean.py": "x = 1\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: mean\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    assert _install(packages, server / "mean", f"mean @ {wheel.as_uri()}", bytecode=True)
    assert not planted.exists()
    assert list((server / "mean").glob("lib/python*/site-packages/__pycache__/mean.*.pyc"))


def test_folders_of_a_project_are_never_installed_as_the_shared_user(packages: PackageCache, server: Path) -> None:
    found = Requirements(lines=["six==1.17.0"], local=["."])
    options = {"interpreter": interpreters.available()[0], "installer": UvInstaller(), "bytecode": False}
    assert not packages.install(found, server / "four", on_line=None, **options)  # type: ignore[arg-type]
