"""Makes virtualenvs and installs dependencies with uv, confined like the project's own code."""

import dataclasses
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import uv

from dz.adapters import trees
from dz.adapters.interpreters import Interpreter
from dz.adapters.processes import Finished
from dz.adapters.sandbox import ALONE, Sandbox
from dz.adapters.walls.confinement import Network, folder_of
from dz.errors import (
    DependencyBuildFailed,
    DependencyNotFound,
    DzError,
    InvalidRequirement,
    LimitExceeded,
    NoMatchingPython,
    ServiceUnavailable,
    TimeLimitExceeded,
    UploadDatesMissing,
    WrongPlatform,
)

_UNREACHABLE = re.compile(
    r"(Failed to fetch|error sending request|client error \(Connect\)|dns error|Connection refused|operation timed out"
    r"|Request failed after \d+ retries|50[234] (Bad Gateway|Service Unavailable|Gateway Timeout))",
    re.IGNORECASE,
)
_BUILD = re.compile(r"Failed to build `?([A-Za-z0-9._\[\]-]+(?:\s*(?:==|@)\s*[^\s`]+)?)`?")
_PYTHON = re.compile(
    r"([^\n]*(?:requires a Python version|depends on Python|not satisfy Python|Requires-Python)[^\n]*)"
)
_MISSING = re.compile(
    r"(?:Because |because )?([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])? was not found in the (?:package registry|cache)"
    r"|there (?:is|are) no versions? of ([A-Za-z0-9][A-Za-z0-9._-]*)"
    r"|no versions of ([A-Za-z0-9][A-Za-z0-9._-]*)"
)
_PLATFORMS = re.compile(r"Wheels are available for `([^`]+)`[^\n]* on the following platforms?: ([^\n]+)")
_UNDATED = re.compile(r"`([^`]+)` is missing an upload date")
_BAD_LINE = re.compile(r"(Couldn't parse requirement|Unsupported requirement|Expected (?:package|one of))")
NOWHERE = "file:///nonexistent/repository/"
"""The address of a package that must not be installed from anywhere, without its name."""
_OWN = re.compile(re.escape(NOWHERE) + r"([a-z0-9-]+)")
_MOST_EXPORTED = 10_000_000
"""How many bytes the requirement lines of one lock file may have."""


@dataclass(frozen=True)
class Listing:
    """What is installed, in files that every user can read.

    Args:
        requirements: a requirements file.
        overrides: a file of lines that replace whatever packages ask for.
        pins: a pyproject.toml whose dependencies come from the indexes that it names.
        before, instead: indexes that are asked before ours, and the one that is asked in its place.
        links: pages or folders with files of packages.
        lenient: a version that one index lacks may come from the next.
        addresses: of all indexes and pages that the project names.
        hosts: of everything that the project names by an address.
        sourced: names whose `[tool.uv.sources]` the listing has followed already.
        source: a copy of the checkout, whose path the owner need not see in errors.
        folders: the folders of the checkout that are installed as packages.
        as_of: no version that was uploaded later is installed, in the form of RFC 3339; None: the newest are.
        undated: packages for which that does not hold.
    """

    requirements: Path
    overrides: Path | None = None
    pins: Path | None = None
    before: tuple[str, ...] = ()
    instead: str | None = None
    links: tuple[str, ...] = ()
    lenient: bool = False
    sourced: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    source: Path | None = None
    folders: tuple[str, ...] = ()
    as_of: str | None = None
    undated: tuple[str, ...] = ()


class Installer(Protocol):
    """Fills virtualenvs for projects."""

    def make_virtualenv(self, target: Path, *, interpreter: Interpreter, sandbox: Sandbox, cache: Path) -> None:
        """Create an empty virtualenv in `target`, an empty folder that belongs to the sandbox's user."""
        ...

    def install(
        self,
        listing: Listing,
        target: Path,
        *,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache: Path,
        home: Path | None = None,
        bytecode: bool = True,
        wheels_only: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Install what is listed into the virtualenv `target`."""
        ...

    def export_lock(
        self,
        project: Path,
        package: str | None = None,
        *,
        root: Path,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache: Path,
    ) -> str:
        """Return the requirement lines of `project`/uv.lock, without its development dependencies."""
        ...


@dataclass(frozen=True)
class UvInstaller:
    """Installs with uv, which reads no configuration and no index but ours.

    Args:
        index_url: the package index; None: uv's default.
        timeout: seconds for one command.
        sources: the operator's list of sources; builds reach the public ones, and others that their requirements name.
        egress: what builds reach besides, in the form of `sources`.
    """

    index_url: str | None = None
    timeout: float = 900
    sources: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()

    def make_virtualenv(self, target: Path, *, interpreter: Interpreter, sandbox: Sandbox, cache: Path) -> None:
        """Create an empty virtualenv in `target`, an empty folder that belongs to the sandbox's user.

        Raises:
            NoMatchingPython: uv does not accept the interpreter.
        """
        argv = [
            "venv",
            "--relocatable",
            "--no-project",
            "--allow-existing",
            "--python",
            str(interpreter.path),
            str(target),
        ]
        done = self._run(argv, cwd=target, sandbox=sandbox, cache=cache, reads=[folder_of(interpreter.path)])
        if not done.ok:
            raise NoMatchingPython(
                f"uv cannot make a virtualenv with {interpreter.path} (Python {interpreter.full}): {done.tail(3)}",
                "Ask the operator to install another Python for sites, or choose one that is there.",
            )

    def install(
        self,
        listing: Listing,
        target: Path,
        *,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache: Path,
        home: Path | None = None,
        bytecode: bool = True,
        wheels_only: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Install what is listed into the virtualenv `target`.

        Args:
            interpreter: that of the virtualenv, whose own link to it the project could have chosen.
            home: a home folder of the sandbox's user, whose .netrc has the passwords of addresses; default: its own.
            bytecode: compile everything now, for a virtualenv whose programs are started often.
            wheels_only: build nothing, so that no package's code runs.

        Raises:
            DependencyNotFound: a package or a version of it does not exist.
            DependencyBuildFailed: a source package does not build here.
            NoMatchingPython: a package refuses this Python.
            WrongPlatform: packages exist for other operating systems only.
            UploadDatesMissing: the index does not say which versions are older than the listing's date.
            ServiceUnavailable: the index does not answer.
        """
        argv = ["pip", "install", "--python", str(target / "bin" / "python")]
        argv += ["--compile-bytecode"] if bytecode else []
        argv += ["--only-binary", ":all:"] if wheels_only else []
        argv += _words(listing)
        done = self._run(
            argv,
            cwd=target,
            sandbox=sandbox,
            cache=cache,
            home=home,
            on_line=on_line,
            reads=[listing.requirements.parent, folder_of(interpreter.path)],
            network=self._network(listing.hosts),
        )
        if not done.ok:
            raise failure(_relative(done, listing.source), folders=listing.folders, addresses=listing.addresses)

    def export_lock(
        self,
        project: Path,
        package: str | None = None,
        *,
        root: Path,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache: Path,
    ) -> str:
        """Return the requirement lines of `project`/uv.lock, without its development dependencies.

        Args:
            package: the member of the workspace that is deployed; None: the package in `project` itself.
            root: the checkout, in which the lock may lie above the project.

        Raises:
            InvalidRequirement: uv cannot read the lock.
        """
        argv = ["export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "--quiet"]
        # Written to a file, because captured output is truncated, and locks name a hash for every wheel.
        target = cache / f"export-{secrets.token_hex(8)}.txt"
        argv += ["--package", package] if package else []
        argv += ["--project", str(project), "--python", str(interpreter.path), "--output-file", str(target)]
        reads = [root, folder_of(interpreter.path)]
        done = self._run(argv, cwd=project, sandbox=sandbox, cache=cache, reads=reads)
        text = _taken(target)
        if not done.ok or text is None:
            raise InvalidRequirement(
                f"uv cannot read {project.name}/uv.lock: {done.tail(5)}", "Run `uv lock` and commit the new uv.lock."
            )
        return text

    def _run(
        self,
        argv: list[str],
        *,
        cwd: Path,
        sandbox: Sandbox,
        cache: Path,
        home: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        reads: Sequence[Path] = (),
        network: Network = ALONE,
    ) -> Finished:
        env = {
            "UV_CACHE_DIR": str(cache),
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_SYSTEM_CERTS": "1",
            # Archives normalise file times, so bytecode that is validated by time would be recompiled at each start.
            "PYC_INVALIDATION_MODE": "UNCHECKED_HASH",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if self.index_url:
            env["UV_DEFAULT_INDEX"] = self.index_url
        if home:
            env |= {"HOME": str(home), "NETRC": str(home / ".netrc")}
        whole = [uv.find_uv_bin(), "--no-config", "--color", "never", *argv]
        # uv links files from its cache into virtualenvs, which it cannot do from one mount to another.
        shared = Path(os.path.commonpath([cwd, cache])) if cwd.is_relative_to(cache.parent) else cache
        return sandbox.run(
            whole,
            cwd=cwd,
            env=env,
            timeout=self.timeout,
            on_line=on_line,
            reads=[Path(uv.find_uv_bin()), *reads],
            writes=[shared],
            network=network,
        )

    def _network(self, hosts: Sequence[str]) -> Network:
        """Return what an installation reaches: the index, what the requirements name, and the operator's sources."""
        own = _place(self.index_url or "https://pypi.org/simple")
        public = [source for source in (*self.sources, *self.egress) if "://" not in source]
        named = [source for source in self.sources if (urlsplit(source).hostname or "") in hosts]
        places = [_place(source) for source in (*named, *self.egress) if source.startswith(("https://", "http://"))]
        return Network(open=(own, *places), hosts=(own[0], *hosts, *public))


def _place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def _words(listing: Listing) -> list[str]:
    """Return the options of uv that say what is installed, and from where."""
    words = ["--requirements", str(listing.requirements)]
    words += ["--requirements", str(listing.pins)] if listing.pins else []
    words += ["--overrides", str(listing.overrides)] if listing.overrides else []
    for option, values in (
        ("--index", listing.before),
        ("--default-index", [listing.instead] if listing.instead else []),
        ("--find-links", listing.links),
        ("--no-sources-package", listing.sourced),
        ("--index-strategy", ["unsafe-first-match"] if listing.lenient else []),
        ("--exclude-newer", [listing.as_of] if listing.as_of else []),
        ("--exclude-newer-package", [f"{name}=false" for name in listing.undated] if listing.as_of else []),
    ):
        words += [word for value in values for word in (option, value)]
    return words


def _relative(done: Finished, source: Path | None) -> Finished:
    """Return what a program said, with paths of the copied checkout as the repository has them."""
    output = done.output.replace(f"file://{source}/", "./").replace(f"{source}/", "./") if source else done.output
    return dataclasses.replace(done, output=output)


def _taken(path: Path) -> str | None:
    """Read and remove a file that a project's user wrote; None if it is no regular file, or too large."""
    raw = trees.read(path.parent, path.name, limit=_MOST_EXPORTED)
    trees.discard_tree(path)
    return raw.decode("utf-8", "replace") if raw is not None else None


def failure(done: Finished, *, folders: Sequence[str] = (), addresses: Sequence[str] = ()) -> DzError:
    """Return the error that says why uv failed to install.

    Args:
        folders: names of the source folders among the requirements, which uv's output does not name.
        addresses: of the indexes and pages that the project names.
    """
    text = done.output
    tail = done.tail(12)
    plain = _limit(done, tail) or _misplaced(text)
    if plain:
        return plain
    missing, build, python = _MISSING.search(text), _BUILD.search(text), _PYTHON.search(text)
    if build or "build backend returned an error" in text:
        name = build[1] if build else " or ".join(folders)
        return DependencyBuildFailed(
            f"The dependency {name} has no wheel for this platform, and its source does not build here:\n{tail}",
            "Choose a version that has a wheel, or ask the operator to install what the build misses.",
            build[1] if build else "",
        )
    if python and "No solution found" in text:
        return NoMatchingPython(
            f"A dependency refuses this Python: {_flat(text)}",
            "Choose other versions, or another Python by `requires-python` or .python-version.",
        )
    if missing or "No solution found" in text or "not found" in text:
        name = next((word for word in (missing.groups() if missing else ()) if word), "")
        subject = f"The dependency {name}" if name else "A dependency"
        return DependencyNotFound(
            f"{subject} does not exist on the package index, or no version of it fits: {_flat(text)}",
            "Correct its name or version in the requirements.",
        )
    return _unexplained(text, tail, addresses)


def _limit(done: Finished, tail: str) -> LimitExceeded | None:
    """Return the limit that an installation has met."""
    if not done.timed_out:
        return done.exceeded
    return TimeLimitExceeded(
        f"Installing the dependencies took longer than {done.seconds:.0f} s and was stopped. Last lines:\n{tail}",
        "Use versions that have wheels for this platform, or fewer dependencies; or ask the operator to raise "
        "DZ_BUILD_TIMEOUT.",
    )


def _misplaced(text: str) -> DzError | None:
    """Return the error for packages of other operating systems, those of the repository itself, and those without a date."""
    elsewhere, own, undated = _elsewhere(text), _OWN.search(text), _UNDATED.search(text)
    if elsewhere:
        return WrongPlatform(
            f"The dependency {' and '.join(elsewhere)} exists for other operating systems only: {_flat(text)}",
            "Remove it from the requirements, or give it a marker such as ; sys_platform == 'win32'.",
            elsewhere,
        )
    if own:
        return InvalidRequirement(
            f"A package that is installed needs {own[1]}, which is the name of a folder of the repository.",
            "List that folder in the requirements: a name that the repository defines is never taken from the package "
            f"index. If another {own[1]} is meant, rename the one in the repository.",
        )
    if undated:
        return UploadDatesMissing(
            f"The package index gives no upload date for {undated[1]}.",
            "List the versions that the project needs in its requirements.",
        )
    return None


def _unexplained(text: str, tail: str, addresses: Sequence[str]) -> DzError:
    named = next((address for address in addresses if address in text), None)
    if named and _UNREACHABLE.search(text):
        return ServiceUnavailable(
            f"The package index {named}, which the project names, does not answer: {tail}",
            "Check its address in the project's files; if it is right, its server or the build server's network has a fault.",
        )
    if _UNREACHABLE.search(text):
        return ServiceUnavailable(
            f"The package index does not answer: {tail}", "Check the index and the network of the build server."
        )
    kind = InvalidRequirement if _BAD_LINE.search(text) else DependencyBuildFailed
    return kind(f"The dependencies could not be installed:\n{tail}", "Correct the requirements.")


def _elsewhere(text: str) -> tuple[str, ...]:
    """Return the packages of which uv says that they have wheels for Windows or macOS alone."""
    found = ((name, re.findall(r"`([^`]+)`", platforms)) for name, platforms in _PLATFORMS.findall(text))
    return tuple(name for name, tags in found if tags and all(tag.startswith(("win", "macosx")) for tag in tags))


def _flat(text: str) -> str:
    """Return uv's own explanation on one line, without its box-drawing characters."""
    words = re.sub(r"[×╰─▶│├]", " ", text).split()
    return " ".join(words)[-800:]
