"""Folders and files of a checkout that are installed as packages."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dz.adapters.users import give_tree

_ELSEWHERE = b"../"
_BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")


@dataclass(frozen=True)
class LocalPackage:
    """A folder of the checkout, or an archive in it, that is installed.

    Args:
        path: relative to the checkout's root.
        name: in canonical form; empty if only building it tells.
        editable: its owner's tool imports it from the folder itself.
    """

    path: str
    name: str = ""
    extras: tuple[str, ...] = ()
    editable: bool = False


def copies(local: Iterable[LocalPackage], root: Path, work: Path, user: str | None) -> list[str]:
    """Copy the checkout for a user and return the requirement lines of the packages in the copy.

    Building a package writes beside its sources, and may read what lies beside its folder.

    Args:
        work: an empty folder for the copy.
    """
    shutil.copytree(root, work, symlinks=True, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True)
    give_tree(work, user)
    return [_line(one, work / one.path) for one in local]


def _line(package: LocalPackage, path: Path) -> str:
    more = f"[{','.join(package.extras)}]" if package.extras else ""
    if package.name:
        return f"{package.name}{more} @ {path.as_uri()}"
    return f"{path}{more}"


def digest(package: LocalPackage, root: Path, *, commit: str) -> str:
    """Return a digest of what installing a package depends on.

    A folder counts with its files; one whose build reads what lies beside it, with the whole commit.
    """
    path = root / package.path
    if path == root or any(_ELSEWHERE in _head(path / name) for name in _BUILD_FILES):
        return commit
    whole = hashlib.sha256()
    for file in sorted([path, *path.rglob("*")]) if path.is_dir() else [path]:
        mode = file.lstat().st_mode
        whole.update(f"{os.fsencode(file.relative_to(root))!r} {stat.S_IFMT(mode)} {mode & 0o100}\n".encode())
        if stat.S_ISLNK(mode):
            if not file.resolve().is_relative_to(path):
                return commit
            whole.update(os.fsencode(file.readlink()))
        elif stat.S_ISREG(mode):
            with file.open("rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()


def _head(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        return b""
    with path.open("rb") as stream:
        return stream.read(1_000_000)
