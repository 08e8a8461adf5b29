"""The package cache that projects share, with a Unix user of its own."""

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dz.adapters import interpreters, users
from dz.adapters.installer import UvInstaller
from dz.adapters.sandbox import UserSandbox
from dz.tasklib.virtualenvs.requirements import Requirements
from dz.tasklib.virtualenvs.wheels import PackageCache


@pytest.fixture(scope="session")
def packages(build_server: Path) -> Iterator[PackageCache]:
    user = f"dzt-{secrets.token_hex(4)}" if os.geteuid() == 0 else None
    if user:
        users.ensure_user(user)
    folder = build_server / "packages"
    folder.mkdir()
    yield PackageCache(folder, UserSandbox(user=user, home=users.owned(folder / "home", user)))
    if user:
        subprocess.run(["/usr/sbin/userdel", user], check=True)


@pytest.fixture
def install(packages: PackageCache) -> Callable[..., bool]:
    """Fill a virtualenv from the package cache."""

    def run(target: Path, *lines: str, said: list[str] | None = None, bytecode: bool = False) -> bool:
        return packages.install(
            Requirements(lines=list(lines)),
            target,
            interpreter=interpreters.available()[0],
            installer=UvInstaller(),
            bytecode=bytecode,
            on_line=None if said is None else said.append,
        )

    return run
