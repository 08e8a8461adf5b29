"""A copy of a project's code in which the project may write, for one that keeps logs and the like beside its code.

The copy consists of links to the same files, so it costs next to nothing. The project's user can make files and folders
everywhere in it, but can neither change nor replace those that came with the code: they are root's, and so are the
folders, which are sticky.
"""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from dz.adapters import trees

_SHARED, _OWN = 0o1770, 0o755


def make(source: Path, target: Path, *, written: Sequence[str], owner: tuple[int, int] | None) -> None:
    """Make the copy `target`, which appears whole; if it exists, do nothing.

    Args:
        source: the code.
        target: in a folder of ours that no user can write to.
        written: paths below the source that the project writes itself; a slash at the end makes a folder.
        owner: uid and gid of the project's user; None: this process's own.
    """
    if target.is_dir():
        return
    stage = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    stage.mkdir(mode=0o700)  # nobody else can enter it while folders in it are opened to the project
    part = stage / "tree"
    try:
        shutil.copytree(source, part, symlinks=True, copy_function=_link)
        for name in written:
            _give(part, name, owner)
        for folder, _, _ in os.walk(part):
            if owner:
                os.chown(folder, os.geteuid(), owner[1])
            Path(folder).chmod(_SHARED if owner else _OWN)
        part.rename(target)
    finally:
        trees.discard_tree(stage)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EMLINK, errno.EPERM}:
            raise
        shutil.copy2(source, target, follow_symlinks=False)


def _give(tree: Path, name: str, owner: tuple[int, int] | None) -> None:
    """Make a missing folder, or give the project a file of its own; nothing outside the tree, whatever links say."""
    path = tree / name
    if not path.resolve().is_relative_to(tree.resolve()):
        return
    if name.endswith("/"):
        with contextlib.suppress(OSError):  # something else has that name: the project will say what it misses
            path.mkdir(parents=True, exist_ok=True)
    elif path.is_file() and not path.is_symlink():
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
        path.chmod(0o644)
        if owner:
            os.chown(path, *owner)
