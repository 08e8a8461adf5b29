"""Fetches Pythons for sites with uv, into a folder that every user can read and run but only this process's can write.

Each build lies in a folder of its own, below which uv makes one named after its key. A file beside that, written last,
says what was fetched: without it a folder is what a killed process left, and counts for nothing.
"""

import contextlib
import functools
import hashlib
import json
import os
import platform
import re
import stat
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import uv

from dz.adapters import files, interpreters, processes, trees
from dz.adapters.interpreters import NEWEST, OLDEST, Download, Interpreter, dotted
from dz.adapters.processes import BASE_ENVIRONMENT
from dz.errors import PythonMissing

MARK = "python.json"
_KEY = re.compile(r"cpython-(3)\.(\d+)\.(\d+)-linux-[a-z0-9_]+-(?:gnu\w*|musl)", re.ASCII)
_RELEASES = "https://github.com/astral-sh/python-build-standalone/releases/download"
_FRONT = "https://releases.astral.sh/github/python-build-standalone/releases/download"
"""Where uv looks first for what is published below `_RELEASES`; a mirror is a mirror of the latter."""
_BUILD = re.compile(r"/(\d{8})/")
_SECONDS = 600
_LIST_SECONDS = 30
_NO_SECOND_TRY = 600
"""Seconds in which a download that a project can do without is not tried again after one has failed."""
_REMEDY = (
    "Install that Python where every user can execute it, or name one in DZ_INTERPRETERS. To have it fetched, see "
    "DZ_PYTHON_DOWNLOADS, DZ_PYTHON_MIRROR and DZ_PYTHON_DOWNLOADS_JSON in docs/operating.md."
)


@dataclass(frozen=True)
class PythonDownloads:
    """The fetched Pythons of this server, and those that can be fetched.

    Args:
        folder: where they lie; root's, where this process is root.
        allowed: False: nothing is fetched.
        mirror: replaces the address of python-build-standalone's archives; https:// or file://.
        listing: a path or URL of a list of archives in uv's format, which replaces uv's own list.
    """

    folder: Path
    allowed: bool = True
    mirror: str | None = None
    listing: str | None = None

    def fetched(self) -> list[Interpreter]:
        """Return the Pythons that were fetched, newest first."""
        found = (_marked(mark) for mark in self.folder.glob(f"*/{MARK}"))
        return sorted((one for one in found if one), reverse=True)

    def offered(self) -> list[Download]:
        """Return what can be fetched for this platform and sites can run on, newest first; nothing where not allowed.

        Raises:
            PythonMissing: the operator's list cannot be read.
        """
        if not self.allowed:
            return []
        if self.listing is None:
            return list(_of_uv())
        return _of_list(self.listing)

    def fetch(
        self, wanted: Download, *, patient: bool = True, on_line: Callable[[str], None] | None = None
    ) -> Interpreter:
        """Return a Python, fetched unless it is there; concurrent calls fetch it once.

        Args:
            patient: try again where the source does not answer, even if it did not a moment ago.
            on_line: called with each line that uv says.

        Raises:
            PythonMissing: it cannot be fetched, or sites could not run it.
        """
        if there := self._find(wanted):
            return there
        if not self.allowed:
            raise _missing(wanted, "DZ_PYTHON_DOWNLOADS is never")
        self._make_folder(wanted)
        failed = self.folder / f".{wanted.key}.failed"
        with files.locked(self.folder / ".lock", seconds=3 * _SECONDS) as lock:
            if there := self._find(wanted):
                return there
            if not patient and _is_young(failed):
                raise _missing(wanted, "to fetch it failed a moment ago")
            place = self._place(wanted)
            try:
                made = self._install(wanted, place, _Uv(lock, self.mirror, patient, on_line))
            except PythonMissing:
                trees.discard_tree(place)
                failed.touch()
                raise
            failed.unlink(missing_ok=True)
            return made

    def _find(self, wanted: Download) -> Interpreter | None:
        """Return a Python that was fetched, and mark it as used."""
        for one in self.fetched():
            source = one.source
            if source and source.key == wanted.key and _same_archive(source, wanted):
                with contextlib.suppress(FileNotFoundError):
                    os.utime(place_of(one))
                    return one
        return None

    def _make_folder(self, wanted: Download) -> None:
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        state = self.folder.stat()
        if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _missing(wanted, f"{self.folder} belongs to somebody else, or others can write there")

    def _place(self, wanted: Download) -> Path:
        """Return the folder of a Python that is to be fetched, the same on all servers; what a killed process left goes."""
        for name in (wanted.url, f"{wanted.url} {wanted.sha256}"):
            place = self.folder / f"{dotted(wanted.version)}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
            if not (place / MARK).exists():
                break  # else another archive lay at that address when it was fetched
        trees.discard_tree(place)
        return place

    def _install(self, wanted: Download, place: Path, uv: "_Uv") -> Interpreter:
        place.mkdir(mode=0o700)  # closed until it is finished: others could hold the lock that uv makes in it
        with tempfile.TemporaryDirectory(dir=place, prefix=".work-") as work:
            sha256 = uv.install(wanted, place, Path(work))
        source = Download(wanted.version, wanted.key, wanted.url, sha256, wanted.build)
        program = place / wanted.key / "bin" / f"python3.{wanted.version[1]}"
        found = interpreters.ask(program)
        if found is None or found.version != wanted.version:
            raise _missing(wanted, f"what was fetched from {wanted.url} does not run here, or is another version")
        _open_to_readers(place)
        if os.geteuid() == 0 and not interpreters.everyone_can_run(program):
            raise _missing(wanted, f"other users cannot reach {self.folder}; name another folder in DZ_PYTHON_DIR")
        files.write(place / MARK, json.dumps({**asdict(source), "said": found.build}), mode=0o644)
        return Interpreter(found.version, program, build=found.build, source=source)


@dataclass(frozen=True)
class _Uv:
    """Runs `uv python install`.

    Args:
        lock: the descriptor of a lock that uv holds, too, should it outlive this process.
        mirror, patient, on_line: see `PythonDownloads`.
    """

    lock: int
    mirror: str | None
    patient: bool
    on_line: Callable[[str], None] | None

    def install(self, wanted: Download, place: Path, work: Path) -> str:
        """Fetch and unpack a Python below `place`; return the sha256 of its archive."""
        words = [uv.find_uv_bin(), "--no-config", "--color", "never", "--system-certs", "python", "install", "--no-bin"]
        words += ["--compile-bytecode", "--install-dir", str(place), wanted.key]
        if wanted.sha256:
            (work / "list.json").write_text(json.dumps({wanted.key: _entry(wanted)}))
            words += ["--python-downloads-json-url", (work / "list.json").as_uri()]
        env = {
            **BASE_ENVIRONMENT,
            "HOME": str(work),
            "UV_CACHE_DIR": str(work / "cache"),
            "UV_PYTHON_CACHE_DIR": str(work / "archive"),
            "UV_HTTP_RETRIES": "3" if self.patient else "0",
            "UV_NO_PROGRESS": "1",
        }
        if self.mirror:
            env["UV_PYTHON_INSTALL_MIRROR"] = _trusted(self.mirror, "DZ_PYTHON_MIRROR")
        done = processes.run(words, cwd=work, env=env, timeout=_SECONDS, on_line=self.on_line, inherits=[self.lock])
        if not done.ok:
            raise _missing(wanted, f"it could not be fetched: {_reason(done)}")
        [archive] = (work / "archive").iterdir()
        with archive.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if wanted.sha256 not in ("", sha256):
            raise _missing(wanted, f"the archive at {wanted.url} is not the one that was built with")
        return sha256


@dataclass(frozen=True)
class Pythons:
    """The Pythons that sites can get on this server.

    Args:
        own: those that the server has by itself, newest first.
        downloads: those that were or can be fetched; None: nothing is.
        default: the minor version of projects that name none, such as `3.12`; None: the newest of `own`.
    """

    own: tuple[Interpreter, ...] = ()
    downloads: PythonDownloads | None = None
    default: str | None = None

    def fetched(self) -> list[Interpreter]:
        """Return those that were fetched, newest first."""
        return self.downloads.fetched() if self.downloads else []

    def offered(self) -> list[Download]:
        """Return what can be fetched, newest first."""
        return self.downloads.offered() if self.downloads else []

    @property
    def fetches(self) -> bool:
        """Say whether what is not there may be fetched."""
        return self.downloads is not None and self.downloads.allowed

    def fetch(
        self, wanted: Download, *, patient: bool = True, on_line: Callable[[str], None] | None = None
    ) -> Interpreter:
        """Return a Python, fetched unless it is there; see `PythonDownloads.fetch`."""
        if self.downloads is None:
            raise _missing(wanted, "nothing is fetched here")
        return self.downloads.fetch(wanted, patient=patient, on_line=on_line)

    def there(self) -> list[Interpreter]:
        """Return all that are there, newest first."""
        return sorted((*self.own, *self.fetched()), reverse=True)


def places(folder: Path) -> list[tuple[Path, Download | None]]:
    """Return each folder below that of fetched Pythons with its source; None: it was never finished."""
    found = ((place, _marked(place / MARK)) for place in folder.glob("[!.]*") if place.is_dir())
    return [(place, one.source if one else None) for place, one in found]


def running(folder: Path) -> set[str]:
    """Return the names of the folders of fetched Pythons that some process runs, as far as this process may know."""
    names, root = set(), folder.resolve()
    for process in psutil.process_iter(["exe"]):
        with contextlib.suppress(ValueError, TypeError):
            names.add(Path(process.info["exe"]).relative_to(root).parts[0])
    return names


def place_of(python: Interpreter) -> Path:
    """Return the folder of a fetched Python."""
    return python.path.parents[2]


def _marked(mark: Path) -> Interpreter | None:
    try:
        data = json.loads(mark.read_text())
        said, source = str(data["said"]), Download.from_json(data)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    program = mark.parent / source.key / "bin" / f"python3.{source.version[1]}"
    return Interpreter(source.version, program, build=said, source=source) if program.exists() else None


def _is_young(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime < _NO_SECOND_TRY
    return False


def _same_archive(one: Download, wanted: Download) -> bool:
    return one.sha256 == wanted.sha256 if wanted.sha256 else one.url == wanted.url


@functools.lru_cache(maxsize=1)
def _of_uv() -> tuple[Download, ...]:
    """Return what uv itself knows, with the sum of each archive."""
    words = [uv.find_uv_bin(), "--no-config", "python", "list", "--all-versions", "--only-downloads"]
    with tempfile.TemporaryDirectory() as home:
        env = {**BASE_ENVIRONMENT, "HOME": home, "UV_CACHE_DIR": home}
        done = processes.run([*words, "--output-format", "json"], cwd=Path("/"), env=env, timeout=_LIST_SECONDS)
    try:
        listed = json.loads(done.output) if done.ok else []
    except ValueError:
        listed = []
    found = [_download(one["key"], str(one["url"]).replace(_FRONT, _RELEASES), "", "") for one in listed]
    return tuple(sorted((one for one in found if one), reverse=True))


def _of_list(listing: str) -> list[Download]:
    """Return what the operator's list offers for this platform; archives without a sha256 are left out."""
    url = listing if "://" in listing else Path(listing).absolute().as_uri()
    try:
        with urllib.request.urlopen(_trusted(url, "DZ_PYTHON_DOWNLOADS_JSON"), timeout=_LIST_SECONDS) as stream:  # noqa: S310  # the scheme is checked
            data = json.load(stream)
        found = [_listed(key, entry) for key, entry in data.items()]
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise PythonMissing(
            f"DZ_PYTHON_DOWNLOADS_JSON names {listing}, which cannot be read as a list of Pythons: {error}.",
            "Correct the setting or the list; its format is that of uv's --python-downloads-json-url.",
        ) from error
    return sorted((one for one in found if one), reverse=True)


def _listed(key: str, entry: Mapping[str, Any]) -> Download | None:
    arch = entry["arch"] if isinstance(entry["arch"], Mapping) else {"family": entry["arch"]}
    libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
    plain = not (entry.get("variant") or entry.get("prerelease") or arch.get("variant"))
    here = (arch["family"], entry["os"], entry["libc"]) == (platform.machine(), "linux", libc)
    if not plain or not here or not re.fullmatch("[0-9a-f]{64}", str(entry.get("sha256"))):
        return None
    return _download(key, _trusted(str(entry["url"]), key), entry["sha256"], str(entry.get("build") or ""))


def _download(key: str, url: str, sha256: str, build: str) -> Download | None:
    numbers = _KEY.fullmatch(key)
    if numbers is None or not OLDEST <= (int(numbers[1]), int(numbers[2])) <= NEWEST:
        return None
    published = _BUILD.search(url)
    version = (int(numbers[1]), int(numbers[2]), int(numbers[3]))
    return Download(version, key, url, sha256, build or (published[1] if published else ""))


def _entry(wanted: Download) -> dict[str, Any]:
    """Return an archive as uv's list of downloads has it."""
    major, minor, patch = wanted.version
    arch, libc = wanted.key.rsplit("-", 2)[1:]
    return {
        "name": "cpython",
        "arch": {"family": arch, "variant": None},
        "os": "linux",
        "libc": libc,
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": _trusted(wanted.url, wanted.key),
        "sha256": wanted.sha256,
        "variant": None,
        "build": wanted.build or None,
    }


def _trusted(url: str, name: str) -> str:
    """Return a URL whose content nobody on the way can change."""
    if not url.startswith(("https://", "file://")):
        raise PythonMissing(f"{name} is {url!r}, which is neither https:// nor file://.", "Correct it.")
    return url


def _open_to_readers(place: Path) -> None:
    """Let every user read and run a finished Python, and only its owner write; remove what uv needed on the way."""
    for name in (".lock", ".gitignore"):
        (place / name).unlink(missing_ok=True)
    for path in _tree(place):
        if not path.is_symlink():
            mode = path.stat().st_mode
            readable = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
            executable = stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0
            path.chmod((stat.S_IMODE(mode) | readable | executable) & 0o755)


def _tree(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            yield Path(parent, name)


def _reason(done: processes.Finished) -> str:
    if done.timed_out:
        return f"it took longer than {done.seconds:.0f} s"
    lines = [line.strip().removeprefix("cause: ") for line in done.output.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("error: Failed to install", "Downloading", "Downloaded"))]
    return " ".join(dict.fromkeys(told))[-600:].rstrip(".")


def _missing(wanted: Download, why: str) -> PythonMissing:
    return PythonMissing(f"Python {dotted(wanted.version)} is not there: {why}.", _REMEDY)
