"""Runs git on untrusted repositories: one protocol, no hooks, filters, submodules, prompts or redirects.

Sources: threats T02-T13; git-config(1), git(1) "GIT_ALLOW_PROTOCOL".
"""

import contextlib
import datetime as dt
import difflib
import os
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import git as gitpython

from dz import names
from dz.adapters import git_urls, processes, trees
from dz.adapters.git_hardening import CONFIG, ENVIRONMENT
from dz.adapters.git_urls import Resolver, Source
from dz.adapters.processes import Finished, Limits
from dz.errors import CommandFailed, RefNotFound, RepoTooLarge, RepoUnreachable

COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_NO_SUCH_REF = re.compile(r"couldn't find remote ref|not our ref|unadvertised object|no such remote ref", re.IGNORECASE)
_TOO_LARGE = re.compile(r"File too large|signal 25|exceeds maximum allowed size", re.IGNORECASE)
_PRIVATE = re.compile(r"could not read Username|Authentication failed|returned error: 40[13]", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """One path of a commit's tree: mode as git writes it (120000 is a link), size in bytes (0 for folders)."""

    mode: str
    path: str
    size: int


class Git:
    """The program git, hardened.

    Args:
        hosts: the operator's list of sources, see `git_urls.check`.
        timeout: seconds that one fetch may take.
        program: git's program, by path or name.
        resolver: returns the addresses of a host name; default: the system's.
    """

    def __init__(
        self, hosts: Collection[str], *, timeout: float = 120, program: str = "git", resolver: Resolver | None = None
    ) -> None:
        self._hosts = tuple(hosts)
        self._timeout = timeout
        self._program = program
        self._resolver = resolver

    def source(self, url: str) -> Source:
        """Return `url` as a source that may be fetched, see `git_urls.check`."""
        return git_urls.check(url, self._hosts, self._resolver)

    def create_mirror(self, mirror: Path) -> None:
        """Create an empty bare repository, complete or not at all."""
        part = mirror.with_name(f".{mirror.name}.part")
        trees.discard_tree(part)
        done = self._run(["init", "--quiet", "--bare", "--template=", "--", part], cwd=mirror.parent)
        if not done.ok:
            raise CommandFailed(f"git could not create {mirror}: {_reason(done)}", "Check space and rights there.")
        part.replace(mirror)

    def fetch(self, source: Source, ref: str | None, mirror: Path, *, max_mb: int) -> str:
        """Fetch the newest commit of `ref` without history and return its id.

        Args:
            ref: a branch, tag or full commit; a branch wins over a tag; None: the default branch.
            mirror: a bare repository made by `create_mirror`.
            max_mb: how large the pack file may be, in MiB.

        Raises:
            InvalidRef: git could not have a ref of that name.
            RefNotFound: no such branch, tag or commit.
            RepoTooLarge: the pack exceeds `max_mb`.
            RepoUnreachable: anything else that keeps git from reading the repository.
        """
        for candidate in _candidates(ref):
            words = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--force", "--no-auto-gc"]
            done = self._run(
                [*words, "--", source.url, f"{candidate}:refs/dz/fetched"],
                cwd=mirror.parent, mirror=mirror, source=source, limits=Limits(file_bytes=max_mb * 1024**2),
            )  # fmt: skip
            if done.ok:
                return self._commit(mirror)
            if not _NO_SUCH_REF.search(done.output):
                cut = _sweep(mirror) >= max_mb * 1024**2
                raise self._failure(done, source, max_mb, cut=cut)
        raise self._missing(source, ref, mirror)

    def tree(self, mirror: Path, commit: str, *, timeout: float = 60) -> Iterator[Entry]:
        """Yield the paths of a commit, folders included, as git lists them, so that the caller can stop early."""
        reader = self._repo(mirror).git.ls_tree("-r", "-t", "-z", "-l", commit, as_process=True)
        deadline, rest = time.monotonic() + timeout, b""
        try:
            while chunk := reader.stdout.read1(65536):
                if time.monotonic() > deadline:
                    raise RepoTooLarge("Reading the repository's tree took too long.", "Deploy a smaller repository.")
                *lines, rest = (rest + chunk).split(b"\0")
                yield from map(_entry, lines)
        finally:
            with contextlib.suppress(OSError):
                reader.proc.kill()
            reader.stdout.close()
            reader.proc.wait()

    def write_tree(self, mirror: Path, commit: str, folder: Path, *, max_mb: int) -> None:
        """Write the files of a commit into the empty `folder`; links become files that hold their target."""
        index = folder.with_name(f"{folder.name}.index")
        limits = Limits(file_bytes=max_mb * 1024**2, memory_bytes=3 * 1024**3)
        try:
            for words in (["read-tree", commit], ["checkout-index", "--all", "--force", "--quiet"]):
                extra = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(index)}
                done = self._run(words, cwd=folder, mirror=mirror, extra=extra, limits=limits)
                if not done.ok:
                    raise RepoUnreachable(
                        f"git could not write the files of commit {commit[:12]}: {_reason(done)}",
                        "Check that the repository can be cloned elsewhere (`git fsck`).",
                    )
        finally:
            index.unlink(missing_ok=True)

    def message(self, mirror: Path, commit: str) -> str:
        """Return the first line of a commit's message, 200 characters at most."""
        message = self._repo(mirror).commit(commit).message
        text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
        first = next(iter(text.strip().splitlines()), "")
        return _printable(first)[:200]

    def date(self, mirror: Path, commit: str) -> dt.datetime:
        """Return when a commit was made (its committer's date), in UTC."""
        return dt.datetime.fromtimestamp(self._repo(mirror).commit(commit).committed_date, dt.UTC)

    def _commit(self, mirror: Path) -> str:
        return self._repo(mirror).commit("refs/dz/fetched").hexsha

    def _repo(self, mirror: Path) -> gitpython.Repo:
        """Open a mirror for reading; GIT_DIR makes git skip discovery, and with it the ownership check."""
        repo = gitpython.Repo(mirror)
        repo.git.set_persistent_git_options(c=list(CONFIG))
        repo.git.update_environment(**ENVIRONMENT, GIT_DIR=str(mirror), GIT_ALLOW_PROTOCOL="none")
        return repo

    def _missing(self, source: Source, ref: str | None, mirror: Path) -> RefNotFound:
        listed = self._run(["ls-remote", "--heads", "--", source.url], cwd=mirror.parent, source=source)
        heads = [line.partition("refs/heads/")[2] for line in listed.output.splitlines() if "refs/heads/" in line]
        if ref is None:
            return RefNotFound(f"{source.url} is empty or has no default branch.", "Push a commit, or name a branch.")
        near = difflib.get_close_matches(ref, heads, n=5, cutoff=0.4) or heads[:5]
        has = f"It has, among others: {', '.join(map(_printable, near))}." if near else "It has no branches."
        return RefNotFound(
            f"{source.url} has no branch, tag or commit {ref!r}. {has}",
            "Name one of its branches or tags, or a full commit id of 40 digits that the server hands out.",
        )

    def _failure(self, done: Finished, source: Source, max_mb: int, *, cut: bool) -> RepoTooLarge | RepoUnreachable:
        if cut or _TOO_LARGE.search(done.output):
            return RepoTooLarge(
                f"{source.url} is larger than {max_mb} MB.",
                "Take large files out of the repository (media, data, environments), or ask for a higher limit.",
            )
        if done.timed_out:
            return RepoUnreachable(
                f"{source.url} was not fetched within {self._timeout:.0f} seconds.",
                "Check that the address is right and that its server answers; then try again.",
            )
        if _PRIVATE.search(done.output):
            return RepoUnreachable(
                f"{source.url} asks for a password: it is private or does not exist.",
                "Check the spelling; the repository must be readable without a login.",
            )
        return RepoUnreachable(
            f"git could not read {source.url}: {_reason(done)}",
            "Check the address; if the repository has moved, give its new address (redirects are not followed).",
        )

    def _run(
        self,
        words: Sequence[str | Path],
        *,
        cwd: Path,
        mirror: Path | None = None,
        source: Source | None = None,
        extra: dict[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Finished:
        config = [*CONFIG]
        if source:
            config.append(f"protocol.{source.scheme}.allow=always")
        if source and source.pin:
            config.append(f"http.curloptResolve={source.pin}")
        options = [word for value in config for word in ("-c", value)]
        env = {**ENVIRONMENT, "GIT_ALLOW_PROTOCOL": source.scheme if source else "none", **(extra or {})}
        if mirror:
            env["GIT_DIR"] = str(mirror)
        argv = [self._program, *options, *words]
        return processes.run(argv, cwd=cwd, env=env, timeout=self._timeout, limits=limits)


def _candidates(ref: str | None) -> tuple[str, ...]:
    if ref is None:
        return ("HEAD",)
    names.git_ref(ref)
    exact = (ref,) if COMMIT.fullmatch(ref) else ()
    return (*exact, f"refs/heads/{ref}", f"refs/tags/{ref}")


def _entry(line: bytes) -> Entry:
    facts, _, path = line.partition(b"\t")
    mode, _, _, size = facts.split()
    return Entry(mode.decode(), os.fsdecode(path), 0 if size == b"-" else int(size))


def _sweep(mirror: Path) -> int:
    """Remove the temporary packs of a failed fetch, and return the size in bytes of the largest."""
    parts = list((mirror / "objects" / "pack").glob("tmp_*"))
    largest = max((part.stat().st_size for part in parts), default=0)
    for part in parts:
        part.unlink(missing_ok=True)
    return largest


def _reason(done: Finished) -> str:
    """Return git's error line, and the next line, too, if the first ends with a colon."""
    lines = done.output.splitlines()
    fatal = [number for number, line in enumerate(lines) if line.startswith(("fatal:", "error:"))]
    start = fatal[0] if fatal else max(len(lines) - 1, 0)
    text = " ".join(lines[start : start + (2 if "".join(lines[start : start + 1]).endswith(":") else 1)])
    return _printable(text)[:300] or f"exit code {done.returncode}"


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
