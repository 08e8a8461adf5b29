"""Local folders as git repositories that the local git server offers."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dz.adapters import files, processes
from dz.errors import CommandFailed, RepoUnreachable

BRANCH = "main"
_NOTE = "dz-source"
"""The file of a bare repository that names the folder it was made from."""
_LOCAL_URL = re.compile(r"git://127\.0\.0\.1:[0-9]+/([a-z0-9-]+)\.git")
_IDENTITY = {"NAME": "DjangoZoom", "EMAIL": "djangozoom@localhost"}
_TIMEOUT = 120.0
_LEFT_OUT = ("__pycache__/", "*.pyc", ".venv/", "venv/", "node_modules/", ".dz/")
_SETTINGS = "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n[gc]\n\tauto = 0\n"
"""Every directory is safe: the person at the keyboard named the folder, so it may belong to another user."""


class Published(NamedTuple):
    """A repository of the local git server: `<folder>/<name>.git`, and what its owner should know about it."""

    name: str
    warnings: tuple[str, ...]


def publish_path(path: Path, folder: Path) -> Published:
    """Offer a local folder as a bare git repository with the branch `main`; the same content again changes nothing.

    A git repository is mirrored at its HEAD; a plain folder is stored as a new commit of what it holds now.

    Args:
        path: the root of a git repository (work tree or bare), or a plain folder.
        folder: where the bare repositories lie.

    Raises:
        RepoUnreachable: the folder is not there, cannot be read, or is a repository without a commit.
    """
    source = _readable(path)
    folder.mkdir(parents=True, exist_ok=True)
    name = _free_name(source, folder)
    bare = folder / f"{name}.git"
    _create(bare, source)
    warnings = _mirror(source, bare) if _is_repository(source) else _snapshot(source, bare)
    return Published(name, warnings)


def refresh(url: str, folder: Path) -> Published | None:
    """Offer what the folder behind a URL of the local git server holds now; None if the URL is of another server.

    Args:
        folder: where the bare repositories lie.

    Raises:
        RepoUnreachable: see `publish_path`.
    """
    match = _LOCAL_URL.fullmatch(url)
    note = folder / f"{match[1]}.git" / _NOTE if match else None
    if match is None or note is None or not note.is_file():
        return None
    source = Path(note.read_text())
    if source.is_dir():
        return publish_path(source, folder)
    return Published(match[1], (f"The folder {source} is not there any more; what it last held is deployed.",))


def refuse(path: Path) -> None:
    """Raise RepoUnreachable if a folder could not be offered; nothing is written to it or kept of it."""
    source = _readable(path)
    if _is_repository(source):
        with tempfile.TemporaryDirectory(prefix="dz-git-") as place:
            _refuse_without_commit(source, Path(place))


def _readable(path: Path) -> Path:
    source = path.expanduser().resolve()
    if not source.is_dir() or not os.access(source, os.R_OK | os.X_OK):
        what = "is no folder that can be read" if source.exists() else "does not exist"
        raise RepoUnreachable(f"{source} {what}.", "Give the path of a folder with a Django project, or a git URL.")
    return source


def _free_name(source: Path, folder: Path) -> str:
    """Return the folder's own name, with a digest of its path if another folder has that name already."""
    plain = re.sub(r"[^a-z0-9]+", "-", source.name.removesuffix(".git").lower()).strip("-")[:20].strip("-") or "site"
    owner = folder / f"{plain}.git" / _NOTE
    if not owner.exists() or owner.read_text() == str(source):
        return plain
    return f"{plain}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:6]}"


def _create(bare: Path, source: Path) -> None:
    # Repeating `git init` is safe, and completes a repository that a killed process left half made.
    _git(["init", "--quiet", "--bare", f"--initial-branch={BRANCH}", "--template=", str(bare)], bare.parent)
    _write(bare / _NOTE, str(source))
    _write(bare / "git-daemon-export-ok", "")
    (bare / "info").mkdir(exist_ok=True)
    _write(bare / "info" / "exclude", "\n".join(_LEFT_OUT) + "\n")


def _is_repository(source: Path) -> bool:
    return (source / ".git").exists() or ((source / "HEAD").is_file() and (source / "objects").is_dir())


def _mirror(source: Path, bare: Path) -> tuple[str, ...]:
    _refuse_without_commit(source, bare.parent)
    refs = f"+HEAD:refs/heads/{BRANCH}"
    _git(["--git-dir", str(bare), "fetch", "--quiet", "--update-shallow", "--", str(source), refs], bare.parent)
    if not (source / ".git").exists():
        return ()
    changed = _git(["--no-optional-locks", "-C", str(source), "status", "--porcelain"], bare.parent).splitlines()
    if not changed:
        return ()
    return (f"{len(changed)} uncommitted changes in {source} are not included; the last commit is deployed.",)


def _refuse_without_commit(source: Path, place: Path) -> None:
    """Raise RepoUnreachable for a repository without a commit; git's settings are written to the folder `place`."""
    if not _run(["-C", str(source), "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], place).ok:
        raise RepoUnreachable(f"The git repository {source} has no commit yet.", "Commit the project's files first.")


def _snapshot(source: Path, bare: Path) -> tuple[str, ...]:
    index = bare / f"index.{os.getpid()}"
    extra = {"GIT_DIR": str(bare), "GIT_WORK_TREE": str(source), "GIT_INDEX_FILE": str(index)}
    try:
        _git(["add", "--all", "."], source, extra)
        tree = _git(["write-tree"], source, extra).strip()
    finally:
        for leftover in (index, index.with_name(f"{index.name}.lock")):
            leftover.unlink(missing_ok=True)
    head = _run(["rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}"], source, extra).output.strip()
    if head and _git(["rev-parse", f"{head}^{{tree}}"], source, extra).strip() == tree:
        return _left_out(source)
    parent = ["-p", head] if head else []
    commit = _git(["commit-tree", tree, *parent, "-m", f"Snapshot of {source.name}"], source, extra).strip()
    # Because git checks the old value, one of two concurrent writers fails, and no commit is lost.
    _git(["update-ref", f"refs/heads/{BRANCH}", commit, head or "0" * 40], source, extra)
    return _left_out(source)


def _left_out(source: Path) -> tuple[str, ...]:
    names = [name for name in _LEFT_OUT if name.endswith("/") and (source / name).is_dir() and name != "__pycache__/"]
    return (f"Left out of the snapshot of {source}: {', '.join(names)}.",) if names else ()


def _git(arguments: list[str], cwd: Path, extra: Mapping[str, str] | None = None) -> str:
    finished = _run(arguments, cwd, extra)
    if not finished.ok:
        raise CommandFailed(
            f"git could not read the folder ({' '.join(arguments[-3:])}): {finished.tail(3)}",
            "Check that git works on this folder and that its files can be read.",
        )
    return finished.output


def _run(arguments: list[str], cwd: Path, extra: Mapping[str, str] | None = None) -> processes.Finished:
    folder = Path(extra["GIT_DIR"]).parent if extra else cwd
    settings = folder / "gitconfig"
    if not settings.exists():
        _write(settings, _SETTINGS)
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _IDENTITY.items()}
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(folder), **who, **(extra or {})}
    # An upload-pack that git starts reads the settings file, but does not get options from the command line.
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": str(settings), "GIT_TERMINAL_PROMPT": "0"}
    return processes.run(["git", *arguments], cwd=cwd, env=environment, timeout=_TIMEOUT)


def _write(path: Path, text: str) -> None:
    files.write_if_changed(path, text, mode=0o644, sync=False)
