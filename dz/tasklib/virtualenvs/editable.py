"""Packages of the repository that are imported from the code of a bundle instead of from its virtualenv.

An editable package finds what lies beside its modules in the repository: data that its build leaves out, templates,
`parents[2] / "data"`. An installation with a path to the code would not do: the code lies elsewhere on an appserver. So
such a package is built and installed like any other, for what it needs, its metadata and its commands; and the
folder of its modules is put before the virtualenv on the path, unless the build made modules that the folder lacks.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from dz.adapters import trees
from dz.tasklib.virtualenvs.local_packages import LocalPackage

_MOST = 10_000_000
"""Bytes of a package's list of files that are read."""


def folders(virtualenv: Path, local: Iterable[LocalPackage], root: Path) -> tuple[str, ...]:
    """Return the folders to import editable packages from, relative to the checkout's root.

    Args:
        virtualenv: with the packages installed; its files may have been changed by the project.
    """
    found = (_of(package, virtualenv, root) for package in local if package.editable and package.name)
    return tuple(folder for folder in found if folder)


def _of(package: LocalPackage, virtualenv: Path, root: Path) -> str | None:
    """Return the folder that has everything which installing the package put into the virtualenv."""
    files = list(_installed(package.name, virtualenv))
    path = root / package.path
    if not files or not path.is_dir():
        return None
    inside = sorted(child for child in path.iterdir() if child.is_dir() and not child.is_symlink())
    for folder in (path, *inside):
        if all((folder / name).is_file() for name in files):
            return str(folder.relative_to(root))
    return None


def _installed(name: str, virtualenv: Path) -> Iterator[str]:
    for record in trees.matching(virtualenv, "lib", "python*", "site-packages", "*.dist-info", "RECORD"):
        about = PurePosixPath(record).parent.name
        if canonicalize_name(about.removesuffix(".dist-info").rpartition("-")[0]) != name:
            continue
        for line in (trees.read(virtualenv, record, limit=_MOST) or b"").decode("utf-8", "replace").splitlines():
            path = PurePosixPath(line.rpartition(",")[0].rpartition(",")[0].strip('"'))
            if path.parts and path.suffix != ".pyc" and not path.is_absolute() and not _aside(path):
                yield str(path)


def _aside(path: PurePosixPath) -> bool:
    """Say whether an installed file is no module or data of the package: metadata, a command."""
    return path.parts[0].endswith((".dist-info", ".data")) or ".." in path.parts
