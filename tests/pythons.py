"""Pythons of this machine as archives that uv can install, so that fetching is tested without the Internet.

Any CPython that lies somewhere here will do, also one that sites cannot use where it lies, or Debian's own.
"""

import functools
import hashlib
import json
import os
import platform
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.adapters import interpreters
from dz.adapters.interpreters import Interpreter

_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "turtledemo", "ensurepip", "site-packages", "dist-packages"}
_LEFT_OUT |= {"lib2to3", "pydoc_data", "tkinter", "curses", "xmlrpc"}


@dataclass(frozen=True)
class Packed:
    """Archives in a folder, and the list of them that uv reads."""

    listing: Path
    pythons: tuple[Interpreter, ...]

    def entry(self, version: str) -> dict[str, object]:
        """The entry of the list about a version."""
        found: dict[str, dict[str, object]] = json.loads(self.listing.read_text())
        return next(entry for key, entry in found.items() if key.startswith(f"cpython-{version}"))


def pack(folder: Path, pythons: Sequence[Interpreter]) -> Packed:
    """Pack Pythons into a folder and write the list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = dict(_pack(folder, python) for python in pythons)
    listing = folder / "pythons.json"
    listing.write_text(json.dumps(entries))
    return Packed(listing, tuple(pythons))


def others() -> list[Interpreter]:
    """Return the Pythons of this machine of other minor versions than the server's own, newest first."""
    own = {one.minor for one in interpreters.available()}
    return [one for one in _here() if one.minor not in own]


def any_one() -> Interpreter:
    """Return some Python that can be packed; the one that runs the tests, where there is no other."""
    return next((one for one in _here() if one.minor in ("3.12", "3.13")), _own())


@functools.lru_cache(maxsize=1)
def _here() -> tuple[Interpreter, ...]:
    """Return the Pythons of this machine, one for each minor version, wherever they lie."""
    folders = [
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions"),
        Path("/opt"),
        Path.home() / ".local",
    ]
    places = [place for folder in folders for place in _listed(folder, "*/bin/python3.*")]
    places += [
        place for folder in ("/usr/local", "/usr", sys.base_prefix) for place in _listed(Path(folder), "bin/python3.*")
    ]
    found: dict[str, Interpreter] = {}
    for place in places:
        python = interpreters.ask(place) if place.suffix[1:].isdigit() and os.access(place, os.X_OK) else None
        if python and (3, 9) <= python.version[:2] <= (3, 14) and _stdlib(python).is_dir():
            found.setdefault(python.minor, python)
    return tuple(sorted(found.values(), reverse=True))


def _listed(folder: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from sorted(folder.glob(pattern))
    except OSError:
        return


def _own() -> Interpreter:
    found = interpreters.ask(Path(sys.base_prefix, "bin", f"python3.{sys.version_info[1]}"))
    assert found
    return found


def _stdlib(python: Interpreter) -> Path:
    return python.path.parents[1] / "lib" / f"python{python.minor}"


def _pack(folder: Path, python: Interpreter) -> tuple[str, dict[str, object]]:
    archive, prefix = folder / f"cpython-{python.full}.tar.gz", python.path.parents[1]
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(_relocatable(python.path, prefix, folder), f"python/bin/python{python.minor}")
        tar.add(_stdlib(python), f"python/lib/python{python.minor}", filter=_wanted)
        for library in sorted((prefix / "lib").glob(f"libpython{python.minor}.so*")):
            tar.add(library.resolve(), f"python/lib/{library.name}")
    libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
    major, minor, patch = python.version
    entry = {
        "name": "cpython",
        "arch": {"family": platform.machine(), "variant": None},
        "os": "linux",
        "libc": libc,
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": archive.as_uri(),
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "variant": None,
        "build": "20260101",
    }
    return f"cpython-{python.full}-linux-{platform.machine()}-{libc}", entry


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = Path(member.name)
    absolute_link = member.issym() and member.linkname.startswith("/")
    if _LEFT_OUT & set(name.parts) or name.suffix == ".a" or absolute_link:
        return None
    member.uid = member.gid = 0
    return member


def _relocatable(program: Path, prefix: Path, folder: Path) -> Path:
    """Copy a program so that it finds its library beside itself, where it would look for it in the old place."""
    old, new = str(prefix / "lib").encode(), b"$ORIGIN/../lib"
    data = program.resolve().read_bytes()
    if len(new) <= len(old):
        data = data.replace(old + b"\0", new.ljust(len(old) + 1, b"\0"))
    copy = folder / program.name
    copy.write_bytes(data)
    copy.chmod(0o755)
    return copy
