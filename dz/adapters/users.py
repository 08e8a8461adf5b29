"""Unix users of projects."""

import contextlib
import os
import pwd
import re
from pathlib import Path

from dz.adapters import system_programs, trees
from dz.errors import CommandFailed

_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}", re.ASCII)


def ensure_user(name: str) -> tuple[int, int]:
    """Return uid and gid of the Unix user, created if it is missing; without root: this process's own.

    Raises:
        CommandFailed: the name is malformed, belongs to root, or useradd refused.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    if not _NAME.fullmatch(name):
        raise CommandFailed(f"{name!r} cannot be a Unix user.", "Correct DZ_UNIX_USER_PREFIX.")
    with contextlib.suppress(KeyError):
        return _identity(name)
    words = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    words += ["--shell", "/usr/sbin/nologin", name]
    done = system_programs.run(words)
    try:
        return _identity(name)
    except KeyError as error:
        raise CommandFailed(
            f"useradd could not create the Unix user {name}: {done.tail(3)}", "Create it by hand, then repeat."
        ) from error


def _identity(name: str) -> tuple[int, int]:
    entry = pwd.getpwnam(name)
    if entry.pw_uid == 0:
        raise CommandFailed(f"The Unix user {name} is root.", "Choose another DZ_UNIX_USER_PREFIX.")
    return entry.pw_uid, entry.pw_gid


def identity(user: str | None) -> tuple[int, int] | None:
    """Return uid and gid of a Unix user that exists; None for this process's own."""
    if user is None:
        return None
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def home(path: Path, owner: tuple[int, int] | None) -> Path:
    """Make a home folder that only its user can enter, and return it.

    Args:
        owner: uid and gid of the user; None: this process's own.
    """
    path.mkdir(parents=True, exist_ok=True)
    if owner:
        os.chown(path, *owner)
        path.chmod(0o700)
    return path


def closed_folder(path: Path, owner: tuple[int, int] | None) -> Path:
    """Make a folder of ours that, of all projects' users, only this project's can read, and return it; see `home`."""
    path.mkdir(parents=True, exist_ok=True)
    if owner:
        os.chown(path, 0, owner[1])
        path.chmod(0o750)
    return path


def owned(path: Path, user: str | None) -> Path:
    """Make a folder if it is missing, give it to a user and return it; its parent must be ours."""
    path.mkdir(mode=0o755, exist_ok=True)
    if user:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    return path


def give_tree(tree: Path, user: str | None) -> None:
    """Give a user everything in the tree that belongs to the tree's owner; see `trees.hand_over`."""
    if user and tree.lstat().st_uid != pwd.getpwnam(user).pw_uid:
        entry = pwd.getpwnam(user)
        trees.hand_over(tree, entry.pw_uid, entry.pw_gid)
