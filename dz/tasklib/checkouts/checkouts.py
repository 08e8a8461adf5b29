"""Source code on a build server: a shallow mirror per project and a folder per commit.

Relative symlinks that stay inside the repository are kept; any other is written as a plain file that holds its target,
with a warning. Submodules and git-lfs content are not fetched, which gives a warning, too.
"""

import contextlib
import datetime as dt
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz import names
from dz.adapters import files, trees
from dz.adapters.archive import link_stays_inside
from dz.adapters.git import COMMIT, Entry, Git
from dz.adapters.tar_format import DEEPEST
from dz.errors import RepoTooLarge

_LINK, _SUBMODULE = "120000", "160000"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_SHOWN = 5
_SOURCE = "source.json"
"""Names the URL that a project's mirror is of."""


@dataclass(frozen=True)
class Checkout:
    """The files of one commit.

    Args:
        path: the folder of the files, without `.git`.
        ref: what was asked for; None: the default branch.
        commit: the commit's id, 40 hexadecimal digits.
        message: first line of its message, 200 characters at most.
        warnings: what the owner should know: submodules, git-lfs, links that were not kept.
        submodules: folders that are empty, because submodules are not fetched.
        pointers: files whose content is kept in git-lfs.
        date: when it was committed, in UTC; None: unknown.
    """

    path: Path
    url: str
    ref: str | None
    commit: str
    message: str
    sysid: str
    warnings: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    date: dt.datetime | None = None


def check_out(
    url: str, ref: str | None, *, sysid: str, folder: Path, git: Git, max_mb: int, max_files: int
) -> Checkout:
    """Bring the newest commit of `ref` to `<folder>/<sysid>/<commit>/`; repeating it is cheap.

    Args:
        ref: a branch, tag or full commit; None: the default branch.
        folder: the build server's folder of checkouts.
        max_mb: limit in MiB on the fetched pack, and again on the files.
        max_files: limit on the number of files and folders.

    Raises:
        InvalidRepoUrl: the URL may not be fetched; no process was started.
        InvalidRef: the ref is not a valid git ref name.
        RepoUnreachable: the repository cannot be read.
        RefNotFound: no such branch, tag or commit.
        RepoTooLarge: too many bytes or files; nothing was written.
    """
    if ref is not None:
        names.git_ref(ref)
    source = git.source(url)
    home = folder / sysid
    with _locked(home):
        mirror = _mirror(home, url, git)
        commit = ref if ref and _is_complete(home, ref) else git.fetch(source, ref, mirror, max_mb=max_mb)
        entries = _count(git.tree(mirror, commit), url, max_mb, max_files)
        path = home / commit
        if not path.is_dir():
            _write(path, mirror, entries, git, max_mb)
        modules = _shown(entry.path for entry in entries if entry.mode == _SUBMODULE)
        pointers = _shown(entry.path for entry in entries if _is_lfs_pointer(path, entry))
        warnings = tuple(_warnings(path, entries, modules, pointers))
        message, date = git.message(mirror, commit), git.date(mirror, commit)
        return Checkout(path, url, ref, commit, message, sysid, warnings, modules, pointers, date)


def folder_of(url: str) -> str:
    """Return the name of the folder for a repository that need not belong to a project."""
    return "c" + hashlib.sha256(url.encode()).hexdigest()[:16]


def prune(folder: Path, sysid: str, keep: Collection[str]) -> None:
    """Remove the folders of all commits of a project except those in `keep`."""
    home = folder / sysid
    if not home.is_dir():
        return
    with _locked(home):
        for path in home.iterdir():
            if COMMIT.fullmatch(path.name) and path.name not in keep:
                doomed = home / f".doomed-{path.name}"
                trees.discard_tree(doomed)
                path.rename(doomed)
                trees.discard_tree(doomed)


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold the lock on the project's folder, and remove what a killed process left in it."""
    home.mkdir(parents=True, exist_ok=True)
    with files.locked(home / ".lock"):
        for rest in (*home.glob(".part-*"), *files.parts(home / _SOURCE)):
            trees.discard_tree(rest)
        yield


def _mirror(home: Path, url: str, git: Git) -> Path:
    """Return the project's mirror, made anew (and all checkouts removed) if it is missing or of another URL."""
    mirror, note = home / "mirror.git", home / _SOURCE
    known = json.loads(note.read_text("utf-8")) if note.is_file() else None
    if known == url and mirror.is_dir():
        return mirror
    for path in home.iterdir():
        if path.is_dir() and (path == mirror or COMMIT.fullmatch(path.name)):
            trees.remove_tree(path)
    git.create_mirror(mirror)
    files.write(note, json.dumps(url), mode=0o644, sync=False)
    return mirror


def _is_complete(home: Path, ref: str) -> bool:
    return bool(COMMIT.fullmatch(ref)) and (home / ref).is_dir()


def _count(tree: Iterator[Entry], url: str, max_mb: int, max_files: int) -> list[Entry]:
    """Return the entries of a tree, or raise RepoTooLarge as soon as they exceed a limit."""
    entries: list[Entry] = []
    size = 0
    for entry in tree:
        entries.append(entry)
        size += entry.size
        if entry.path.count("/") > DEEPEST:
            raise RepoTooLarge(
                f"{url} has folders more than {DEEPEST} deep: {_shown([entry.path[:60]])[0]}….",
                "Take them out of the repository.",
            )
        if len(entries) > max_files or size > max_mb * 1024**2:
            raise RepoTooLarge(
                f"{url} holds more than {max_files} files and folders or more than {max_mb} MB of files.",
                "Take generated files, media and environments out of the repository, or ask for a higher limit.",
            )
    return entries


def _write(path: Path, mirror: Path, entries: list[Entry], git: Git, max_mb: int) -> None:
    part = path.with_name(f".part-{path.name}")
    part.mkdir()
    git.write_tree(mirror, path.name, part, max_mb=max_mb)
    for entry in entries:
        if entry.mode == _LINK:
            _restore_link(part, entry.path)
    part.rename(path)


def _restore_link(root: Path, path: str) -> None:
    """Turn a file that holds a symlink's target into the symlink, unless that would lead out of the tree."""
    file = root / path
    target = os.fsdecode(file.read_bytes())
    if link_stays_inside(path, target):
        file.unlink()
        file.symlink_to(target)


def _warnings(root: Path, entries: list[Entry], modules: Sequence[str], pointers: Sequence[str]) -> Iterator[str]:
    if modules:
        yield f"Submodules are not fetched, these folders are empty: {_some(modules)}."
    elif any(entry.path == ".gitmodules" for entry in entries):
        yield "The repository has a .gitmodules file; submodules are not fetched."
    outside = _shown(entry.path for entry in entries if entry.mode == _LINK and not (root / entry.path).is_symlink())
    if outside:
        yield f"These links lead out of the repository and were written as plain files: {_some(outside)}."
    if pointers:
        yield f"Content kept in git-lfs is not fetched, these files are only pointers: {_some(pointers)}."


def _is_lfs_pointer(root: Path, entry: Entry) -> bool:
    if not entry.mode.startswith("100") or not 100 < entry.size < 1024:
        return False
    with (root / entry.path).open("rb") as file:
        return file.read(len(_LFS_POINTER)) == _LFS_POINTER


def _shown(paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths as people read them; git allows any bytes in them."""
    return tuple(os.fsencode(path).decode("utf-8", "replace") for path in paths)


def _some(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    return f"{shown} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else shown
