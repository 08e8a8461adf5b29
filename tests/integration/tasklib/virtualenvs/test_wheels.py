"""Wheels that projects share, with the real installer and the real index."""

import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dz.adapters import interpreters
from dz.adapters.installer import UvInstaller
from dz.errors import ServiceUnavailable
from dz.tasklib.virtualenvs.local_packages import LocalPackage
from dz.tasklib.virtualenvs.requirements import Requirements
from dz.tasklib.virtualenvs.wheels import PackageCache


def test_two_projects_share_the_files_of_a_wheel_and_can_change_neither(
    packages: PackageCache, build_server: Path, install: Callable[..., bool]
) -> None:
    modules = []
    for name in ("one", "two"):
        assert install(build_server / name, "six==1.17.0")
        modules.append(next((build_server / name).glob("lib/python*/site-packages/six.py")))
    first, second = (module.stat() for module in modules)
    assert first.st_ino == second.st_ino
    assert first.st_mode & 0o022 == 0
    if packages.sandbox.user:
        assert first.st_uid == pwd.getpwnam(packages.sandbox.user).pw_uid
    assert not list(packages.folder.glob("new-*"))


def test_what_must_be_built_is_refused_so_that_no_code_of_it_runs(
    packages: PackageCache, build_server: Path, install: Callable[..., bool]
) -> None:
    said: list[str] = []
    assert not install(build_server / "three", "docopt==0.6.2", said=said)
    assert "built" in said[-1]
    assert not (build_server / "three").exists()
    assert not list(packages.folder.glob("new-*"))


def test_folders_of_a_project_are_never_installed_as_the_shared_user(
    packages: PackageCache, build_server: Path
) -> None:
    found = Requirements(lines=["six==1.17.0"], local=[LocalPackage(".")])
    options = {"interpreter": interpreters.available()[0], "installer": UvInstaller(), "bytecode": False}
    assert not packages.install(found, build_server / "four", on_line=None, **options)  # type: ignore[arg-type]


def test_an_index_that_is_away_is_told_and_nothing_is_built_instead(packages: PackageCache, build_server: Path) -> None:
    said: list[str] = []
    with pytest.raises(ServiceUnavailable):
        packages.install(
            Requirements(lines=["no-such-package-zzqq==1"]),
            build_server / "five",
            interpreter=interpreters.available()[0],
            installer=UvInstaller(index_url="http://127.0.0.1:9/"),
            bytecode=False,
            on_line=said.append,
        )
    assert not any("built" in line for line in said)
    assert not (build_server / "five").exists()


def test_what_a_killed_installation_left_is_removed_once_none_can_still_run(
    packages: PackageCache, build_server: Path, install: Callable[..., bool]
) -> None:
    old, young = packages.folder / "new-old", packages.folder / "new-young"
    for left in (old, young):
        left.mkdir()
    os.utime(old, (time.time() - 7 * 3600,) * 2)
    assert install(build_server / "six", "six==1.17.0")
    assert not old.exists()
    young.rmdir()
