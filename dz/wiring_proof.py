"""Chooses the adapters of proofs, like `dz.wiring` those of all else."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dz import wiring
from dz.adapters import users
from dz.adapters.sandbox import Sandbox, UserSandbox
from dz.settings import settings
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.proof import rooms
from dz.tasklib.proof.attempts import Prover
from dz.tasklib.variables import stored
from dz.tasklib.virtualenvs.wheels import PackageCache


@contextlib.contextmanager
def prover(checkout: Checkout) -> Iterator[Prover]:
    """Yield what proves guesses of a checkout, in a room of its own; the project of this very source gives variables."""
    variables = stored.of_source(wiring.zoomdb(), checkout.url, checkout.ref)
    with rooms.room(_folder(), _source(checkout), _sandbox) as room:
        yield Prover(
            room,
            wiring.interpreters(),
            wiring.installer(),
            variables,
            on_line=wiring.to_run_log,
            packages=packages(),
        )


def packages() -> PackageCache:
    """Return the package cache of this build server, and the user who alone writes it."""
    folder = wiring.server_dir("build") / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    return PackageCache(folder, _sandbox("packages", folder / "home"))


def project_cache(checkout: Checkout, sandbox: Sandbox) -> Path:
    """Return the installer's cache of a project: at first the one that a proof of its source has filled."""
    folder = wiring.server_dir("build") / "envs" / checkout.sysid
    folder.mkdir(parents=True, exist_ok=True)
    cache = folder / ".cache"
    rooms.hand_over_cache(_folder(), _source(checkout), cache, sandbox.user)
    return users.owned(cache, sandbox.user)


def _folder() -> Path:
    return wiring.server_dir("build") / "proofs"


def _source(checkout: Checkout) -> str:
    return rooms.source_key(checkout.url, checkout.ref)


def _sandbox(name: str, home: Path) -> Sandbox:
    user = settings().unix_user(name)
    if user:
        users.ensure_user(user)
    return UserSandbox(user, users.owned(home, user))
